//! What clients are told when the catalog refuses a command.

use stator_catalog::Refusal;
use stator_model::TableStatus;
use stator_protocol::ApiError;

/// The error of a refusal, for CreateTable and DeleteTable alike where they do not differ.
pub(crate) fn error(refusal: &Refusal) -> ApiError {
    match refusal {
        Refusal::TableInUse { name, status } => in_use(name, *status),
        Refusal::TableNotFound { name } => ApiError::named_table_not_found(name),
        Refusal::DeletionProtected { .. } => ApiError::validation(
            "Resource cannot be deleted as it is currently protected against deletion. Disable \
             deletion protection first.",
        ),
        Refusal::NotFormed => ApiError::unavailable(),
        // Not the client's doing: sent again, the request draws another id, or the operator helps.
        Refusal::NotProvisioned { .. }
        | Refusal::UnitsUnchanged { .. }
        | Refusal::DecreasesSpent { .. }
        | Refusal::NotOnDemand { .. }
        | Refusal::TooManyTags { .. }
        | Refusal::TableIdTaken { .. }
        | Refusal::TooManyPartitions { .. }
        | Refusal::PartitionIdsSpent
        | Refusal::PartitionNotFound { .. }
        | Refusal::AlreadyReady { .. }
        | Refusal::NotDeleting { .. } => ApiError::internal(),
    }
}

fn in_use(name: &str, status: TableStatus) -> ApiError {
    let state = match status {
        TableStatus::Active => return already_exists(name),
        TableStatus::Creating => "created",
        TableStatus::Deleting => "deleted",
    };
    ApiError::resource_in_use(format!(
        "Attempt to change a resource which is still in use: Table is being {state}: {name}"
    ))
}

/// What CreateTable answers for a name that is taken.
pub(crate) fn already_exists(name: &str) -> ApiError {
    ApiError::resource_in_use(format!("Table already exists: {name}"))
}
