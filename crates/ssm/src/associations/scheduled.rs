//! Associations run by the clock.

pub use own::RunAssociation;

use super::rows::{Association, RowKey, arn};
use crate::{PRINCIPAL, Ssm, faults};
use cloudlet_api_ssm::CreateAssociationRequest;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_calendar::{Expression, Schedule, Zone};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::{Empty, Shape};

#[derive(Shape, Clone, Default)]
pub struct AssociationInput {
    pub association: String,
}

mod own {
    use super::AssociationInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_ssm::SERVICE;
        RunAssociation(AssociationInput) -> Empty {}
    }
}

/// AWS: an association runs every half hour at most.
const SHORTEST: i64 = 30 * 60;

pub fn invalid_schedule() -> Fault {
    faults::INVALID_SCHEDULE.says("The schedule is invalid. Verify your cron or rate expression and try again.")
}

/// The schedule of a request, if it has one.
pub fn schedule(wanted: &CreateAssociationRequest, since: Timestamp) -> Result<Option<Schedule>, Fault> {
    let Some(text) = &wanted.schedule_expression else { return Ok(None) };
    let expression = Expression::parse(text).map_err(|_| invalid_schedule())?;
    if expression.period().is_some_and(|period| period < SHORTEST) {
        return Err(invalid_schedule());
    }
    let zone = Zone::named("UTC").ok_or_else(invalid_schedule)?;
    let offset_days = wanted.schedule_offset.and_then(|days| u8::try_from(days).ok()).unwrap_or_default();
    Ok(Some(Schedule { expression, zone, since, offset_days }))
}

fn key(place: &RowKey) -> String {
    format!("RunAssociation/{}/{}/{}", place.0.account.as_str(), place.0.region.as_str(), place.1)
}

fn schedule_at(cx: &Cx, place: &RowKey, at: Timestamp) -> Result<(), Fault> {
    let input = AssociationInput { association: place.1.to_string() };
    cx.schedule_keyed::<RunAssociation>(key(place), at, PRINCIPAL, arn(place), place.0.clone(), input)
}

/// After a creation or a change: at once, unless the schedule alone counts.
pub fn begin(cx: &Cx, place: &RowKey, association: &Association) -> Result<(), Fault> {
    if association.wanted.apply_only_at_cron_interval != Some(true) {
        return schedule_at(cx, place, cx.now);
    }
    next(cx, place, association)
}

/// The next run by the schedule, in place of what was scheduled.
pub fn next(cx: &Cx, place: &RowKey, association: &Association) -> Result<(), Fault> {
    match schedule(&association.wanted, association.updated)?.and_then(|schedule| schedule.after(cx.now)) {
        Some(at) => schedule_at(cx, place, at),
        None => {
            cancel(cx, place);
            Ok(())
        }
    }
}

pub fn cancel(cx: &Cx, place: &RowKey) {
    cx.cancel::<RunAssociation>(key(place));
}

impl Handle<RunAssociation> for Ssm {
    fn permissions(&self, _: &Cx, _: &AssociationInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: AssociationInput) -> Result<Empty, Fault> {
        let place: RowKey = (cx.scope.clone(), input.association.as_str().into());
        let Some(association) = self.associations.store.read(|state| state.associations.get(&place).cloned()) else { return Ok(Empty {}) };
        if self.calendars_are_open(cx, &association.wanted).await {
            self.execute_association(cx, &place, &association).await?;
        }
        next(cx, &place, &association)?;
        Ok(Empty {})
    }
}
