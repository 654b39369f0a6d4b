//! What clients are told when the catalog refuses a command.

use stator_catalog::Refusal;
use stator_model::TableStatus;
use stator_protocol::ApiError;

use crate::moment::LongForm;
use crate::{TableReference, billing, tags};

/// The error of a refusal, for all operations on tables alike where they do not differ.
pub(crate) fn error(refusal: &Refusal) -> ApiError {
    match refusal {
        Refusal::TableInUse { name, status } => in_use(name, *status),
        Refusal::TableNotFound { name } => ApiError::named_table_not_found(name),
        Refusal::DeletionProtected { .. } => ApiError::validation(
            "Resource cannot be deleted as it is currently protected against deletion. Disable \
             deletion protection first.",
        ),
        Refusal::NotProvisioned { .. } => billing::units_on_demand(),
        Refusal::UnitsUnchanged { read, write } => unchanged(*read, *write),
        Refusal::DecreasesSpent { today, last, next } => ApiError::limit_exceeded(format!(
            "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC \
             day. After the first 4 decreases, each subsequent decrease in the same UTC day can be \
             performed at most once every 3600 seconds. Number of decreases today: {today}. Last \
             decrease at {}. Next decrease can be made at {}",
            LongForm(*last),
            LongForm(*next)
        )),
        Refusal::NotOnDemand { read, .. } => billing::caps_provisioned(*read),
        Refusal::WarmLowered { read } => billing::warm_lowered(*read),
        Refusal::TooManyTags { .. } => tags::too_many(),
        Refusal::NotFormed | Refusal::NoPlace => ApiError::unavailable(),
        // Not the client's doing: sent again, the request draws another id, or the operator helps.
        Refusal::TableIdTaken { .. }
        | Refusal::TooManyPartitions { .. }
        | Refusal::PartitionIdsSpent
        | Refusal::PartitionNotFound { .. }
        | Refusal::AlreadyReady { .. }
        | Refusal::NotDeleting { .. }
        | Refusal::Node(_) => ApiError::internal(),
    }
}

/// The error of a refusal, for operations that name a table by its ARN alone.
pub(crate) fn of_resource(table: &TableReference, refusal: &Refusal) -> ApiError {
    if matches!(refusal, Refusal::TableNotFound { .. }) {
        return ApiError::resource_not_found(table.given());
    }
    error(refusal)
}

fn unchanged(read: u64, write: u64) -> ApiError {
    ApiError::validation(format!(
        "The provisioned throughput for the table will not change. The requested value equals the \
         current value. Current ReadCapacityUnits provisioned for the table: {read}. Requested \
         ReadCapacityUnits: {read}. Current WriteCapacityUnits provisioned for the table: {write}. \
         Requested WriteCapacityUnits: {write}. Refer to the Amazon DynamoDB Developer Guide for current \
         limits and how to request higher limits."
    ))
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
