//! Which tables belong to manifests, so that the API leaves them alone.

use std::collections::HashMap;

use arc_swap::ArcSwap;
use stator_admin::{Manifest, Place};
use stator_operation::Operation;
use stator_protocol::ApiError;

/// The tables that manifests own, each with the document that does.
#[derive(Debug, Default)]
pub struct Owners(ArcSwap<HashMap<String, Place>>);

impl Owners {
    /// Makes these manifests the owners of their tables, and nobody the owner of any other.
    pub(super) fn set(&self, manifests: &[Manifest]) {
        let owned = |manifest: &Manifest| (manifest.table.name.clone(), manifest.place.clone());
        self.0.store(manifests.iter().map(owned).collect::<HashMap<_, _>>().into());
    }

    /// Whether the API may change this table.
    ///
    /// # Errors
    /// A ValidationException that names the manifest and says what to do instead.
    pub fn allow(&self, operation: Operation, table: &str) -> Result<(), ApiError> {
        let owned = self.0.load();
        let Some(place) = owned.get(table) else { return Ok(()) };
        let instead = if operation == Operation::DeleteTable {
            "take that document out first"
        } else {
            "edit that document instead"
        };
        Err(ApiError::validation(format!(
            "Table {table} belongs to the manifest at {place}: {instead}, or start the server with \
             --manifests-seed-only"
        )))
    }
}
