//! Events as a role may see them. They are logged as who asked may see them, who may see more.

use crate::snapshot::{numbered, type_of};
use contracts::{Event, LoggedEvent, ResultSet, Role};
use domain::personal::Sight;

/// Event types that hold rows.
const WITH_ROWS: [&str; 2] = ["response.askline.rows", "response.askline.approval.required"];

/// The event for this role. One whose rows cannot be read is shown without them to whom they may not be shown.
pub fn to(sight: &Sight, role: Option<Role>, event: LoggedEvent) -> LoggedEvent {
    if sight.is_clear(role) || !WITH_ROWS.contains(&type_of(&event.json).as_ref()) {
        return event;
    }
    let seq = event.seq;
    let masked = serde_json::from_str(&event.json).ok().and_then(|read| numbered(&masked(sight, role, read), seq));
    masked.unwrap_or_else(|| {
        let message = "Rows are not shown, because they could not be masked for your role.".to_owned();
        numbered(&Event::Notice { code: "masked".to_owned(), message }, seq)
            .unwrap_or_else(|| LoggedEvent { seq, json: "{\"type\":\"response.askline.notice\"}".to_owned() })
    })
}

fn masked(sight: &Sight, role: Option<Role>, event: Event) -> Event {
    match event {
        Event::Rows { columns, rows, row_count, truncated } => {
            let mut shown = ResultSet { columns, rows, truncated };
            sight.show(role, &mut shown);
            Event::Rows { columns: shown.columns, rows: shown.rows, row_count, truncated }
        }
        Event::ApprovalRequired { approval_id, sql, kind, table, affected_rows, mut preview, expires_at } => {
            sight.show(role, &mut preview);
            Event::ApprovalRequired { approval_id, sql, kind, table, affected_rows, preview, expires_at }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::{Column, Personal};
    use domain::personal::Masking;
    use serde_json::json;

    fn sight() -> Sight {
        Sight { masking: Masking::new(&["salary".into()], &[]), clear_roles: vec![Role::Manager] }
    }

    fn rows() -> ResultSet {
        let pay = Column { personal: Some(Personal::Hidden), ..Column::new("s", "int") };
        let rows = vec![vec![json!("ann@example.org"), json!(100), json!("Oslo")]];
        ResultSet {
            columns: vec![Column::new("who", "text"), pay, Column::new("city", "text")],
            rows,
            truncated: false,
        }
    }

    #[test]
    fn rows_and_previews_are_masked_for_a_role_that_sees_no_personal_data() {
        let preview = Event::ApprovalRequired {
            approval_id: "apr_1".into(),
            sql: String::new(),
            kind: contracts::ChangeKind::Update,
            table: "staff".to_owned(),
            affected_rows: 1,
            preview: rows(),
            expires_at: 1,
        };
        for event in [Event::rows(&rows(), 10), preview] {
            let event = numbered(&event, 7).unwrap();
            assert_eq!(to(&sight(), Some(Role::Manager), event.clone()), event);
            for role in [Some(Role::Member), Some(Role::Viewer), None] {
                let shown = to(&sight(), role, event.clone());
                assert_eq!(shown.seq, 7);
                assert!(shown.json.contains(r#"["a***@***.org","***","Oslo"]"#), "{}", shown.json);
            }
        }
    }

    #[test]
    fn rows_that_cannot_be_read_are_not_shown() {
        let json = r#"{"type":"response.askline.rows","rows":"ann@example.org"}"#.to_owned();
        let event = LoggedEvent { seq: 3, json };
        assert_eq!(to(&sight(), Some(Role::Manager), event.clone()), event);
        let shown = to(&sight(), Some(Role::Member), event);
        assert!(shown.seq == 3 && !shown.json.contains("ann@"), "{}", shown.json);
    }
}
