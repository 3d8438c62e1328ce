//! Schemas as language models may see them.

use contracts::Schema;
use domain::personal::Masking;
use domain::recent::Recent;
use std::sync::Arc;

/// Takes sample values away that a model may not see, once for each schema that is shared.
#[derive(Debug)]
pub struct ShownSchemas {
    masking: Arc<Masking>,
    kept: Recent<Shared, Arc<Schema>>,
}

/// One and the same schema, not one like it. Held, so that no other comes to lie in its place.
struct Shared(Arc<Schema>);

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl ShownSchemas {
    /// Keeps at most so many.
    pub fn new(masking: Arc<Masking>, most: usize) -> Self {
        Self { masking, kept: Recent::new(most) }
    }

    /// Without sample values of columns that are personal or are masked.
    pub fn of(&self, whole: Arc<Schema>) -> Arc<Schema> {
        let whole = Shared(whole);
        if let Some(shown) = self.kept.get(&whole) {
            return shown;
        }
        let shown = Arc::new(self.made(Schema::clone(&whole.0)));
        self.kept.put(whole, shown.clone());
        shown
    }

    /// The same for a schema that nobody shares, and that is not kept.
    pub fn made(&self, mut schema: Schema) -> Schema {
        self.masking.apply_to_samples(&mut schema);
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Arc<Schema> {
        let column = json!({"name": "email", "data_type": "text", "nullable": false, "samples": ["ann@example.com"]});
        let table = json!({"namespace": "public", "name": "people", "columns": [column]});
        Arc::new(serde_json::from_value(json!({"tables": [table]})).unwrap())
    }

    #[test]
    fn a_shared_schema_is_masked_once_and_one_like_it_for_itself() {
        let schemas = ShownSchemas::new(Arc::new(Masking::new(&[], &[])), 2);
        let whole = schema();
        let shown = schemas.of(whole.clone());
        assert!(shown.tables[0].columns[0].samples.is_empty());
        assert!(Arc::ptr_eq(&shown, &schemas.of(whole)));
        assert!(!Arc::ptr_eq(&shown, &schemas.of(schema())));
    }
}
