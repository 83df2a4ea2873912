//! When windows open, and the lists of that.

use super::{
    scheduled::{StartWindow, WindowInput},
    state::{State, Window, WindowKey},
};
use crate::{PRINCIPAL, Ssm, faults, parameters::permissions::on_all};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, paging::Paging};

impl Window {
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        if self.enabled { self.timing.after(now) } else { None }
    }
}

fn schedule_name(key: &WindowKey) -> String {
    format!("StartWindow/{}", key.arn())
}

/// Schedules the window's next opening, in place of what was scheduled for it before.
pub fn reschedule(cx: &Cx, state: &State, key: &WindowKey) -> Result<(), Fault> {
    match state.windows.get(key).and_then(|window| window.next(cx.now)) {
        Some(at) => {
            let input = WindowInput { id: key.id.clone() };
            cx.schedule_keyed::<StartWindow>(schedule_name(key), at, PRINCIPAL, key.arn(), key.scope.clone(), input)
        }
        None => {
            cx.cancel::<StartWindow>(schedule_name(key));
            Ok(())
        }
    }
}

/// Whether a registered target is about one of these: the same instances, or the same tags.
fn concerns(target: &MaintenanceWindowTarget, wanted: &[Target]) -> bool {
    let has = |of: &Target, value: &String| of.values.iter().flatten().any(|known| known == value);
    let same_key = |one: &Target, other: &Target| match (&one.key, &other.key) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    };
    let registered = target.targets.as_deref().unwrap_or_default();
    wanted
        .iter()
        .any(|wanted| registered.iter().any(|known| same_key(known, wanted) && wanted.values.iter().flatten().any(|value| has(known, value))))
}

fn windows_for<'s>(state: &'s State, cx: &'s Cx, targets: &[Target], kind: Option<&str>) -> Vec<(&'s WindowKey, &'s Window)> {
    let takes = |key: &&'s WindowKey| {
        state
            .targets_of(key)
            .any(|(_, target)| kind.is_none_or(|kind| target.shape.resource_type.as_deref() == Some(kind)) && concerns(&target.shape, targets))
    };
    state.windows_of(&cx.scope).filter(|(key, _)| takes(key)).collect()
}

const USUAL_PAGE: usize = 50;
const LONGEST_PAGE: usize = 100;
/// How many openings of one window a list goes through.
const OPENINGS: usize = 1_000;

impl Handle<DescribeMaintenanceWindowSchedule> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DescribeMaintenanceWindowScheduleRequest) -> Result<Permissions, Fault> {
        Ok(match &input.window_id {
            Some(id) => self.window_permission::<DescribeMaintenanceWindowSchedule>(cx, id).into(),
            None => Permission::from(on_all::<DescribeMaintenanceWindowSchedule>(cx)).into(),
        })
    }

    async fn handle(&self, cx: &Cx, input: DescribeMaintenanceWindowScheduleRequest) -> Result<DescribeMaintenanceWindowScheduleResult, Fault> {
        let list = Paging::of::<DescribeMaintenanceWindowSchedule>(cx, &input);
        let after: Option<(Timestamp, String)> = list.after().map_err(|_| faults::invalid_next_token())?;
        let length = list.length(USUAL_PAGE, LONGEST_PAGE);
        let (from, until) = span(cx, input.filters.as_deref().unwrap_or_default())?;
        let mut rows: Vec<((Timestamp, String), ScheduledWindowExecution)> = self.windows.read(|state| {
            let windows = match (&input.window_id, &input.targets) {
                (Some(id), _) => {
                    let key = WindowKey::new(&cx.scope, id);
                    vec![state.windows.get_key_value(&key).ok_or_else(|| faults::no_such_window(id))?]
                }
                (None, Some(targets)) if !targets.is_empty() => windows_for(state, cx, targets, input.resource_type.as_deref()),
                _ => state.windows_of(&cx.scope).collect(),
            };
            let mut rows = vec![];
            for (key, window) in windows {
                let mut at = after.as_ref().map_or(from, |(at, _)| at.plus_millis(-1).max(from));
                let mut found = 0;
                for _ in 0..OPENINGS {
                    let Some(next) = window.next(at).filter(|next| until.is_none_or(|until| *next <= until)) else { break };
                    at = next;
                    let row = (next, key.id.clone());
                    if after.as_ref().is_some_and(|after| row <= *after) {
                        continue;
                    }
                    let shown = ScheduledWindowExecution {
                        window_id: Some(key.id.clone()),
                        name: Some(window.name.clone()),
                        execution_time: Some(window.timing.text(next)),
                    };
                    rows.push((row, shown));
                    found += 1;
                    if found > length {
                        break;
                    }
                }
            }
            Ok::<_, Fault>(rows)
        })?;
        rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let next_token = rows.get(length).and_then(|_| rows.get(length.checked_sub(1)?)).map(|(last, _)| list.token(last));
        let executions = rows.into_iter().take(length).map(|(_, shown)| shown).collect();
        Ok(DescribeMaintenanceWindowScheduleResult { scheduled_window_executions: Some(executions), next_token })
    }
}

/// The filters `ScheduledBefore` and `ScheduledAfter`.
fn span(cx: &Cx, filters: &[PatchOrchestratorFilter]) -> Result<(Timestamp, Option<Timestamp>), Fault> {
    let (mut from, mut until) = (cx.now, None);
    for filter in filters {
        let value = filter.values.iter().flatten().next().and_then(|value| Timestamp::parse_any(value));
        let value = value.ok_or_else(|| faults::validation("The value of the filter is not an ISO-8601 date and time."));
        match filter.key.as_deref().unwrap_or_default() {
            "ScheduledAfter" => from = value?.max(cx.now),
            "ScheduledBefore" => until = Some(value?),
            // AWS: unverified message.
            other => return Err(faults::validation(format!("The filter key {other} is not valid."))),
        }
    }
    Ok((from, until))
}

impl Handle<DescribeMaintenanceWindowsForTarget> for Ssm {
    fn permissions(&self, cx: &Cx, _: &DescribeMaintenanceWindowsForTargetRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<DescribeMaintenanceWindowsForTarget>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeMaintenanceWindowsForTargetRequest) -> Result<DescribeMaintenanceWindowsForTargetResult, Fault> {
        let list = Paging::of::<DescribeMaintenanceWindowsForTarget>(cx, &input);
        let page = self.windows.read(|state| {
            let windows = windows_for(state, cx, &input.targets, Some(&input.resource_type));
            let rows = windows.into_iter().map(|(key, window)| {
                let shown = MaintenanceWindowIdentityForTarget { window_id: Some(key.id.clone()), name: Some(window.name.clone()) };
                (key.id.clone(), shown)
            });
            list.page_of(list.length(USUAL_PAGE, LONGEST_PAGE), rows).map_err(|_| faults::invalid_next_token())
        })?;
        Ok(DescribeMaintenanceWindowsForTargetResult { window_identities: Some(page.items), next_token: page.next_token })
    }
}
