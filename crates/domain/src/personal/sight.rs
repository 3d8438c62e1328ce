use super::Masking;
use contracts::{ResultSet, Role};

/// Who sees personal data, and what the others see.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// What is masked.
    pub masking: Masking,
    /// Roles that see it all.
    pub clear_roles: Vec<Role>,
}

impl Sight {
    /// Whether this role sees personal data. Who has no role sees none.
    pub fn is_clear(&self, role: Option<Role>) -> bool {
        role.is_some_and(|role| self.clear_roles.contains(&role))
    }

    /// Rows as this role may see them, and the columns that were masked for it.
    pub fn show(&self, role: Option<Role>, rows: &mut ResultSet) -> Vec<String> {
        if self.is_clear(role) { Vec::new() } else { self.masking.apply(rows) }
    }
}
