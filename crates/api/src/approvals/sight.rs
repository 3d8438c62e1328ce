//! Who may decide, and who may see the rows.

use crate::auth::Actor;
use crate::error::ApiError;
use crate::state::ApiState;
use contracts::Role;
use ports::approvals::Approval;
use serde_json::Value;
use sql_guard::{ConnectionPolicy, Policy, sees_change};

pub(super) fn may_decide(state: &ApiState, actor: &Actor) -> bool {
    state.approvers.contains(&actor.role)
}

pub(super) fn must_decide(state: &ApiState, actor: &Actor) -> Result<(), ApiError> {
    if may_decide(state, actor) {
        return Ok(());
    }
    let roles: Vec<&str> = state.approvers.iter().copied().map(Role::as_str).collect();
    let message = format!(
        "Your role in this business may not approve or decline changes; it takes one of: {}.",
        roles.join(", ")
    );
    Err(ApiError::forbidden("forbidden_role", message))
}

/// Whether the rules of the connection show the caller all of the change. Who asked has seen it.
pub(super) async fn sees(state: &ApiState, actor: &Actor, approval: &Approval) -> Result<bool, ApiError> {
    if actor.user == approval.user {
        return Ok(true);
    }
    let store = &state.ports.store;
    let Some(rules) = store.connection_policy(&approval.business, &approval.connection).await? else {
        return Ok(true);
    };
    let connection = store.connection(&approval.business, &approval.connection).await?;
    let schema = store.schema(&approval.business, &approval.connection).await?;
    let user = store.user(&actor.user).await?;
    let (Some(connection), Some(schema), Some(user)) = (connection, schema, user) else { return Ok(false) };
    let Ok(rules) = serde_json::from_value::<ConnectionPolicy>(rules) else { return Ok(false) };
    let attributes = [("id", user.id.as_str()), ("email", &user.email), ("role", actor.role.as_str())];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), Value::String(value.to_owned()))).into();
    let own = rules.policy(connection.dialect, &schema, actor.role).and_then(|own| own.for_user(&attributes));
    let Ok(own) = own else { return Ok(false) };
    let bare = Policy::for_schema(connection.dialect, &schema);
    Ok(sees_change(&approval.statement, &approval.sql, &approval.preview_sql, &own, &bare).unwrap_or(false))
}
