//! The dead-letter desk: what was given up, for the administrators of the business that owns it.

mod bodies;
mod bulk;
mod replay;
mod routes;

pub use bulk::{__path_drop_many, __path_replay_many, drop_many, replay_many};
pub use routes::{__path_drop_one, __path_list, __path_one, __path_replay_one, drop_one, list, one, replay_one};

use crate::auth::{Actor, Caller};
use crate::error::ApiError;
use contracts::Role;
use ports::dead::Scope;

/// Somebody who may see the dead jobs of a business.
struct Clerk {
    actor: Actor,
    scope: Scope,
}

impl Clerk {
    fn of(caller: &Caller) -> Result<Self, ApiError> {
        let actor = caller.act_as(Role::Admin, None)?;
        let scope = Scope::Business(actor.business.clone());
        Ok(Self { actor, scope })
    }
}
