//! How tables are paid for, as requests say it: `BillingMode`, `ProvisionedThroughput`,
//! `OnDemandThroughput`, `WarmThroughput`.

use serde::de::MapAccess;
use stator_catalog::{CapUpdate, OnDemandUpdate, WarmUpdate};
use stator_model::{Billing, OnDemandCaps, Warmth};
use stator_protocol::{ApiError, Found, Scope, Shape, read_members};

use crate::constraint::{Violations, invalid};
use crate::options::BillingMode;

/// The most units that may be provisioned.
const UNITS: i64 = 1_000_000_000_000;

/// `ProvisionedThroughput`.
#[derive(Default)]
pub(crate) struct Throughput {
    read: Option<i64>,
    write: Option<i64>,
}

impl Shape for Throughput {
    fn mismatch(found: Found) -> String {
        found.instead_of_member("ProvisionedThroughput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "ReadCapacityUnits" => member.set(&mut it.read),
            "WriteCapacityUnits" => member.set(&mut it.write),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

impl Throughput {
    /// The units to read and to write, checked by the model's constraints.
    pub(crate) fn check(self, violations: &mut Violations) -> Option<(i64, i64)> {
        let mut units = |name: &str, units: Option<i64>| {
            let path = format!("provisionedThroughput.{name}");
            let units = violations.required(&path, units)?;
            violations.at_least(&path, units, 1);
            Some(units)
        };
        let write = units("writeCapacityUnits", self.write);
        units("readCapacityUnits", self.read).zip(write)
    }
}

/// How a table is paid for in this mode: the mode and the units must fit each other.
///
/// # Errors
/// ValidationException.
pub(crate) fn in_mode(mode: BillingMode, units: Option<(i64, i64)>) -> Result<Billing, ApiError> {
    match (mode, units) {
        (BillingMode::PayPerRequest, None) => Ok(Billing::PayPerRequest),
        (BillingMode::PayPerRequest, Some(_)) => Err(units_on_demand()),
        (BillingMode::Provisioned, None) => Err(invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is \
             PROVISIONED",
        )),
        (BillingMode::Provisioned, Some(units)) => {
            let (read, write) = bounded(units)?;
            Ok(Billing::Provisioned { read, write })
        }
    }
}

/// What a client is told that wants units of a table that is on demand.
pub(crate) fn units_on_demand() -> ApiError {
    invalid(
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is \
         PAY_PER_REQUEST",
    )
}

/// The units to read and to write.
///
/// # Errors
/// ValidationException for more than there can be.
pub(crate) fn bounded((read, write): (i64, i64)) -> Result<(u64, u64), ApiError> {
    let bounded = |name: &str, units: i64| {
        u64::try_from(units).ok().filter(|_| units <= UNITS).ok_or_else(|| {
            ApiError::validation(format!("Given value {units} for {name} is out of bounds"))
        })
    };
    Ok((bounded("ReadCapacityUnits", read)?, bounded("WriteCapacityUnits", write)?))
}

/// `OnDemandThroughput`.
#[derive(Default)]
pub(crate) struct OnDemandThroughput {
    read: Option<i64>,
    write: Option<i64>,
}

const READ_CAP: &str = "MaxReadRequestUnits";
const WRITE_CAP: &str = "MaxWriteRequestUnits";

impl Shape for OnDemandThroughput {
    fn mismatch(found: Found) -> String {
        found.instead_of_member("OnDemandThroughput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            READ_CAP => member.set(&mut it.read),
            WRITE_CAP => member.set(&mut it.write),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

impl OnDemandThroughput {
    /// The caps of a new table that is paid for so.
    ///
    /// # Errors
    /// ValidationException for a cap that is none, or of a table that is not on demand.
    pub(crate) fn caps(&self, billing: Billing) -> Result<OnDemandCaps, ApiError> {
        let cap = |name, given: Option<i64>| match given.map(u64::try_from) {
            None => Ok(None),
            Some(Ok(units)) if units > 0 => Ok(Some(units)),
            Some(Ok(_) | Err(_)) => Err(out_of_range(name)),
        };
        let caps =
            OnDemandCaps { read: cap(READ_CAP, self.read)?, write: cap(WRITE_CAP, self.write)? };
        match billing {
            Billing::Provisioned { .. } if caps != OnDemandCaps::default() => {
                Err(caps_provisioned(caps.read.is_some()))
            }
            Billing::Provisioned { .. } | Billing::PayPerRequest => Ok(caps),
        }
    }

    /// What becomes of the caps of a table: a cap of -1 goes.
    ///
    /// # Errors
    /// ValidationException for a cap that is none.
    pub(crate) fn update(&self) -> Result<OnDemandUpdate, ApiError> {
        let cap = |name, given: Option<i64>| match given {
            None => Ok(CapUpdate::Keep),
            Some(-1) => Ok(CapUpdate::Remove),
            Some(units) => match u64::try_from(units) {
                Ok(units) if units > 0 => Ok(CapUpdate::Set(units)),
                Ok(_) | Err(_) => Err(out_of_range(name)),
            },
        };
        Ok(OnDemandUpdate { read: cap(READ_CAP, self.read)?, write: cap(WRITE_CAP, self.write)? })
    }
}

fn out_of_range(member: &str) -> ApiError {
    invalid(format!(
        "Requested {member} for OnDemandThroughput for table is outside of valid range"
    ))
}

/// What a client is told that wants caps of a table that is provisioned; `read` if for reads too.
pub(crate) fn caps_provisioned(read: bool) -> ApiError {
    let member = if read { READ_CAP } else { WRITE_CAP };
    invalid(format!(
        "{member} for OnDemandThroughput cannot be specified when table BillingMode is PROVISIONED."
    ))
}

/// `WarmThroughput`.
#[derive(Default)]
pub(crate) struct WarmThroughput {
    read: Option<i64>,
    write: Option<i64>,
}

impl Shape for WarmThroughput {
    fn mismatch(found: Found) -> String {
        found.instead_of_member("WarmThroughput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "ReadUnitsPerSecond" => member.set(&mut it.read),
            "WriteUnitsPerSecond" => member.set(&mut it.write),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

impl WarmThroughput {
    /// What a new table that is paid for so is to be ready for, if something is said of it.
    ///
    /// # Errors
    /// ValidationException for less than such a table is ready for anyway.
    pub(crate) fn of_new(&self, billing: Billing) -> Result<Option<Warmth>, ApiError> {
        let least = Warmth::initial(billing);
        let units = |given: Option<i64>, least: u64, read: bool| match given.map(u64::try_from) {
            None => Ok(least),
            Some(Ok(units)) if units >= least => Ok(units),
            Some(Ok(_) | Err(_)) => Err(too_cold(billing, read)),
        };
        let read = units(self.read, least.read, true)?;
        let write = units(self.write, least.write, false)?;
        let said = self.read.is_some() || self.write.is_some();
        Ok(said.then_some(Warmth { read, write }))
    }

    /// What a table is to be ready for from now on. Less than nothing is less than it ever was.
    pub(crate) fn update(&self) -> WarmUpdate {
        let units = |given: Option<i64>| given.map(|units| u64::try_from(units).unwrap_or(0));
        WarmUpdate { read: units(self.read), write: units(self.write) }
    }
}

fn warm_member(read: bool) -> &'static str {
    if read { "ReadUnitsPerSecond" } else { "WriteUnitsPerSecond" }
}

fn too_cold(billing: Billing, read: bool) -> ApiError {
    let least = match billing {
        Billing::PayPerRequest => {
            "initial throughput for OnDemand. See: \
             https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/\
             on-demand-capacity-mode.html#on-demand-capacity-mode-initial"
        }
        Billing::Provisioned { .. } if read => "ReadCapacityUnits of ProvisionedThroughput",
        Billing::Provisioned { .. } => "WriteCapacityUnits of ProvisionedThroughput",
    };
    let member = warm_member(read);
    invalid(format!("Requested {member} for WarmThroughput for table is lower than {least}"))
}

/// What a client is told that wants a table to be ready for less than it is; `read` if for fewer reads.
pub(crate) fn warm_lowered(read: bool) -> ApiError {
    let member = warm_member(read);
    invalid(format!(
        "Requested {member} for WarmThroughput for table is lower than current WarmThroughput, \
         decreasing WarmThroughput is not supported"
    ))
}
