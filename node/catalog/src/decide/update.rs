//! What an update makes of a table.

use stator_model::{
    Billing, OnDemandCaps, TableDescription, TableHistory, Tags, UnixMillis, Warmth,
};

use super::check_tags;
use crate::{
    BillingUpdate, CapUpdate, OnDemandUpdate, Refusal, TableUpdate, TagUpdate, WarmUpdate,
};

/// The table as it is once it is updated.
///
/// The version stays: none of this changes a command's evaluation, and a new version would send every
/// command in flight back to be validated again.
///
/// # Errors
/// A [`Refusal`] if the table does not allow the update.
pub(super) fn updated(
    table: &TableDescription,
    update: &TableUpdate,
    now: UnixMillis,
) -> Result<TableDescription, Refusal> {
    let mut updated = table.clone();
    if let Some(billing) = update.billing {
        check_billing(table, billing, now)?;
        updated.billing = billing.billing();
        updated.history = table.history.billed(table.billing, updated.billing, now);
    }
    updated.history.warm = warm(&updated, update.warm)?;
    updated.settings.on_demand = caps(&updated, update.on_demand)?;
    if let Some(class) = update.class
        && class != table.settings.class
    {
        updated.settings.class = class;
        updated.history = TableHistory { class: Some(now), ..updated.history };
    }
    updated.deletion_protection = update.deletion_protection.unwrap_or(table.deletion_protection);
    updated.settings.tags = tags(&table.settings.tags, &update.tags)?;
    Ok(updated)
}

fn check_billing(
    table: &TableDescription,
    update: BillingUpdate,
    now: UnixMillis,
) -> Result<(), Refusal> {
    match (table.billing, update) {
        (Billing::PayPerRequest, BillingUpdate::Units { .. }) => {
            Err(Refusal::NotProvisioned { name: table.name.clone() })
        }
        (
            Billing::Provisioned { read, write },
            BillingUpdate::Units { read: to_read, write: to_write }
            | BillingUpdate::Mode(Billing::Provisioned { read: to_read, write: to_write }),
        ) => {
            if (to_read, to_write) == (read, write) {
                return Err(Refusal::UnitsUnchanged { read, write });
            }
            if to_read < read || to_write < write {
                return check_decrease(&table.history, now);
            }
            Ok(())
        }
        (Billing::PayPerRequest | Billing::Provisioned { .. }, BillingUpdate::Declared(_))
        | (Billing::PayPerRequest, BillingUpdate::Mode(_))
        | (Billing::Provisioned { .. }, BillingUpdate::Mode(Billing::PayPerRequest)) => Ok(()),
    }
}

fn check_decrease(history: &TableHistory, now: UnixMillis) -> Result<(), Refusal> {
    let next = history.next_decrease(now);
    match history.decrease {
        Some(last) if next > now => {
            Err(Refusal::DecreasesSpent { today: history.decreases_today(now), last, next })
        }
        Some(_) | None => Ok(()),
    }
}

/// What the table was made ready for, once it is also ready for this.
fn warm(table: &TableDescription, update: WarmUpdate) -> Result<Option<Warmth>, Refusal> {
    let now = table.history.warmth(table.billing);
    let wanted =
        Warmth { read: update.read.unwrap_or(now.read), write: update.write.unwrap_or(now.write) };
    if wanted == now {
        return Ok(table.history.warm);
    }
    if wanted.max(now) != wanted {
        return Err(Refusal::WarmLowered { read: wanted.read < now.read });
    }
    Ok(Some(wanted))
}

/// The caps of a table that is paid for as it will be.
fn caps(table: &TableDescription, update: OnDemandUpdate) -> Result<OnDemandCaps, Refusal> {
    match table.billing {
        Billing::Provisioned { .. } if update != OnDemandUpdate::default() => {
            let read = update.read != CapUpdate::Keep;
            Err(Refusal::NotOnDemand { name: table.name.clone(), read })
        }
        Billing::Provisioned { .. } => Ok(OnDemandCaps::default()),
        Billing::PayPerRequest => {
            let OnDemandCaps { read, write } = table.settings.on_demand;
            Ok(OnDemandCaps {
                read: update.read.applied_to(read),
                write: update.write.applied_to(write),
            })
        }
    }
}

fn tags(tags: &Tags, update: &TagUpdate) -> Result<Tags, Refusal> {
    let tags = match update {
        TagUpdate::Keep => tags.clone(),
        TagUpdate::Declared(declared) => declared.clone(),
        TagUpdate::Add(added) => tags.with(added),
        TagUpdate::Remove(keys) => tags.without(keys),
    };
    check_tags(tags.len())?;
    Ok(tags)
}
