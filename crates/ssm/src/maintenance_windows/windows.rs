//! Windows themselves.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateMaintenanceWindow.html>

use super::{
    events,
    schedule::reschedule,
    state::{Request, State, Window, WindowKey},
    timing::Timing,
};
use crate::{
    Ssm, faults, limits,
    parameters::permissions::{on_all, set_request_tags, set_resource_tags},
    tags,
};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, StoredShape, paging::Paging};
use cloudlet_shape::{Operation, Shape};

pub const USUAL_PAGE: usize = 50;
pub const LONGEST_PAGE: usize = 100;

/// A request under its client token.
pub fn request<T: Shape>(token: Option<String>, input: T) -> Request {
    Request { token, text: format!("{:?}", StoredShape::new(input)) }
}

/// The id that the same request was given before.
pub fn repeated<'r>(request: &Request, known: impl IntoIterator<Item = (&'r str, &'r Request)>) -> Result<Option<String>, Fault> {
    let Some(token) = &request.token else { return Ok(None) };
    match known.into_iter().find(|(_, known)| known.token.as_ref() == Some(token)) {
        None => Ok(None),
        Some((id, known)) if known.text == request.text => Ok(Some(id.to_owned())),
        Some(_) => Err(faults::IDEMPOTENT_PARAMETER_MISMATCH.says("The client token was used before with other parameters.")),
    }
}

pub fn limit(what: &str, most: usize) -> Fault {
    // AWS: unverified message.
    faults::RESOURCE_LIMIT_EXCEEDED.says(format!("The maximum number of {what} was exceeded: {most}"))
}

fn check_hours(duration: i32, cutoff: i32) -> Result<(), Fault> {
    // AWS: unverified message.
    if cutoff >= duration { Err(faults::validation("The value of Cutoff must be less than the value of Duration.")) } else { Ok(()) }
}

impl Ssm {
    /// The operation's own action on a window, which need not exist.
    pub fn window_permission<O: Operation>(&self, cx: &Cx, id: &str) -> Permission {
        let key = WindowKey::new(&cx.scope, id);
        let mut permission = Permission::of::<O>(key.arn());
        if let Some(tags) = self.windows.read(|state| state.windows.get(&key).map(|window| window.tags.clone())) {
            set_resource_tags(&mut permission, &tags);
        }
        permission
    }

    pub fn window(&self, cx: &Cx, id: &str) -> Result<Window, Fault> {
        self.windows.read(|state| state.windows.get(&WindowKey::new(&cx.scope, id)).cloned()).ok_or_else(|| faults::no_such_window(id))
    }
}

impl Handle<CreateMaintenanceWindow> for Ssm {
    fn permissions(&self, cx: &Cx, input: &CreateMaintenanceWindowRequest) -> Result<Permissions, Fault> {
        let tags = input.tags.as_deref().unwrap_or_default();
        let mut permission = Permission::of::<CreateMaintenanceWindow>(Arn::new("ssm", &cx.scope, "*"));
        set_request_tags(&mut permission, tags);
        Ok(permission.and([(!tags.is_empty()).then_some("ssm:AddTagsToResource")]))
    }

    async fn handle(&self, cx: &Cx, mut input: CreateMaintenanceWindowRequest) -> Result<CreateMaintenanceWindowResult, Fault> {
        let request = request(input.client_token.take(), input.clone());
        check_hours(input.duration, input.cutoff)?;
        let timing = Timing {
            schedule: input.schedule,
            zone: input.schedule_timezone,
            offset: input.schedule_offset,
            start: input.start_date,
            end: input.end_date,
            since: cx.now,
        };
        timing.check()?;
        timing.check_end(cx.now)?;
        let tags = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        let new_id = format!("mw-{}", cx.ids().hex(17));
        let id = self.windows.write(|state| {
            let known = state.windows_of(&cx.scope).map(|(key, window)| (key.id.as_str(), &window.request));
            if let Some(id) = repeated(&request, known)? {
                return Ok(id);
            }
            if state.windows_of(&cx.scope).count() >= limits::WINDOWS {
                return Err(limit("maintenance windows", limits::WINDOWS));
            }
            let key = WindowKey::new(&cx.scope, &new_id);
            let window = Window {
                name: input.name,
                description: input.description,
                timing,
                duration: input.duration,
                cutoff: input.cutoff,
                allow_unassociated_targets: input.allow_unassociated_targets,
                enabled: true,
                created: cx.now,
                modified: cx.now,
                tags,
                request,
            };
            state.windows.insert(key.clone(), window);
            reschedule(cx, state, &key)?;
            Ok(new_id)
        })?;
        Ok(CreateMaintenanceWindowResult { window_id: Some(id) })
    }
}

impl Handle<GetMaintenanceWindow> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetMaintenanceWindowRequest) -> Result<Permissions, Fault> {
        Ok(self.window_permission::<GetMaintenanceWindow>(cx, &input.window_id).into())
    }

    async fn handle(&self, cx: &Cx, input: GetMaintenanceWindowRequest) -> Result<GetMaintenanceWindowResult, Fault> {
        let window = self.window(cx, &input.window_id)?;
        Ok(GetMaintenanceWindowResult {
            next_execution_time: window.next(cx.now).map(|at| window.timing.text(at)),
            window_id: Some(input.window_id),
            name: Some(window.name),
            description: window.description,
            start_date: window.timing.start,
            end_date: window.timing.end,
            schedule: Some(window.timing.schedule),
            schedule_timezone: window.timing.zone,
            schedule_offset: window.timing.offset,
            duration: Some(window.duration),
            cutoff: Some(window.cutoff),
            allow_unassociated_targets: Some(window.allow_unassociated_targets),
            enabled: Some(window.enabled),
            created_date: Some(window.created),
            modified_date: Some(window.modified),
        })
    }
}

/// What an update leaves: what it gives, else what was, or nothing when it replaces.
pub fn merged<T>(given: Option<T>, before: Option<T>, replaces: bool) -> Option<T> {
    if replaces { given } else { given.or(before) }
}

impl Handle<UpdateMaintenanceWindow> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateMaintenanceWindowRequest) -> Result<Permissions, Fault> {
        Ok(self.window_permission::<UpdateMaintenanceWindow>(cx, &input.window_id).into())
    }

    async fn handle(&self, cx: &Cx, input: UpdateMaintenanceWindowRequest) -> Result<UpdateMaintenanceWindowResult, Fault> {
        let key = WindowKey::new(&cx.scope, &input.window_id);
        let replaces = input.replace == Some(true);
        let missing = replaces
            && (input.name.is_none()
                || input.schedule.is_none()
                || input.duration.is_none()
                || input.cutoff.is_none()
                || input.allow_unassociated_targets.is_none());
        if missing {
            // AWS: unverified message.
            return Err(faults::validation("With Replace, Name, Schedule, Duration, Cutoff and AllowUnassociatedTargets are required."));
        }
        let (before, window) = self.windows.write(|state| {
            let before = state.windows.get(&key).cloned().ok_or_else(|| faults::no_such_window(&input.window_id))?;
            let old = before.timing.clone();
            let mut timing = Timing {
                schedule: input.schedule.unwrap_or(old.schedule.clone()),
                zone: merged(input.schedule_timezone, old.zone.clone(), replaces),
                offset: merged(input.schedule_offset, old.offset, replaces),
                start: merged(input.start_date, old.start.clone(), replaces),
                end: merged(input.end_date, old.end.clone(), replaces),
                since: old.since,
            };
            if timing != old {
                timing.check()?;
                // One that is over can be changed in other ways.
                if timing.end != old.end {
                    timing.check_end(cx.now)?;
                }
                timing.since = cx.now;
            }
            let window = Window {
                name: input.name.unwrap_or(before.name.clone()),
                description: merged(input.description, before.description.clone(), replaces),
                timing,
                duration: input.duration.unwrap_or(before.duration),
                cutoff: input.cutoff.unwrap_or(before.cutoff),
                allow_unassociated_targets: input.allow_unassociated_targets.unwrap_or(before.allow_unassociated_targets),
                enabled: input.enabled.unwrap_or(before.enabled),
                modified: cx.now,
                ..before.clone()
            };
            check_hours(window.duration, window.cutoff)?;
            state.windows.insert(key.clone(), window.clone());
            reschedule(cx, state, &key)?;
            Ok::<_, Fault>((before, window))
        })?;
        if before.enabled != window.enabled {
            events::window(cx, &key, window.enabled);
        }
        Ok(UpdateMaintenanceWindowResult {
            window_id: Some(input.window_id),
            name: Some(window.name),
            description: window.description,
            start_date: window.timing.start,
            end_date: window.timing.end,
            schedule: Some(window.timing.schedule),
            schedule_timezone: window.timing.zone,
            schedule_offset: window.timing.offset,
            duration: Some(window.duration),
            cutoff: Some(window.cutoff),
            allow_unassociated_targets: Some(window.allow_unassociated_targets),
            enabled: Some(window.enabled),
        })
    }
}

impl Handle<DeleteMaintenanceWindow> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DeleteMaintenanceWindowRequest) -> Result<Permissions, Fault> {
        Ok(self.window_permission::<DeleteMaintenanceWindow>(cx, &input.window_id).into())
    }

    /// AWS: it is no fault that there is none.
    async fn handle(&self, cx: &Cx, input: DeleteMaintenanceWindowRequest) -> Result<DeleteMaintenanceWindowResult, Fault> {
        let key = WindowKey::new(&cx.scope, &input.window_id);
        self.windows.write(|state| {
            state.remove_window(&key);
            reschedule(cx, state, &key)
        })?;
        Ok(DeleteMaintenanceWindowResult { window_id: Some(input.window_id) })
    }
}

impl Handle<DescribeMaintenanceWindows> for Ssm {
    fn permissions(&self, cx: &Cx, _: &DescribeMaintenanceWindowsRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<DescribeMaintenanceWindows>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeMaintenanceWindowsRequest) -> Result<DescribeMaintenanceWindowsResult, Fault> {
        let list = Paging::of::<DescribeMaintenanceWindows>(cx, &input);
        let filters = checked_filters(input.filters, &["Name", "Enabled"])?;
        let page = self.windows.read(|state: &State| {
            let rows = state.windows_of(&cx.scope).filter(|(_, window)| {
                filters.iter().all(|(key, values)| match key.as_str() {
                    "Name" => values.contains(&window.name),
                    _ => values.iter().any(|value| value.eq_ignore_ascii_case(if window.enabled { "true" } else { "false" })),
                })
            });
            let rows = rows.map(|(key, window)| {
                let shown = MaintenanceWindowIdentity {
                    window_id: Some(key.id.clone()),
                    name: Some(window.name.clone()),
                    description: window.description.clone(),
                    enabled: Some(window.enabled),
                    duration: Some(window.duration),
                    cutoff: Some(window.cutoff),
                    schedule: Some(window.timing.schedule.clone()),
                    schedule_timezone: window.timing.zone.clone(),
                    schedule_offset: window.timing.offset,
                    end_date: window.timing.end.clone(),
                    start_date: window.timing.start.clone(),
                    next_execution_time: window.next(cx.now).map(|at| window.timing.text(at)),
                };
                (key.id.clone(), shown)
            });
            list.page_of(list.length(USUAL_PAGE, LONGEST_PAGE), rows).map_err(|_| faults::invalid_next_token())
        })?;
        Ok(DescribeMaintenanceWindowsResult { window_identities: Some(page.items), next_token: page.next_token })
    }
}

/// Filters as keys with values, whose keys are among those that an operation knows.
pub fn checked_filters(filters: Option<Vec<MaintenanceWindowFilter>>, known: &[&str]) -> Result<Vec<(String, Vec<String>)>, Fault> {
    let filters = filters.unwrap_or_default().into_iter();
    filters
        .map(|filter| {
            let (key, values) = (filter.key.unwrap_or_default(), filter.values.unwrap_or_default());
            match known.iter().find(|name| name.eq_ignore_ascii_case(&key)) {
                Some(name) => Ok(((*name).to_owned(), values)),
                // AWS: unverified message.
                None => Err(faults::validation(format!("The filter key {key} is not valid. Valid are: {}.", known.join(", ")))),
            }
        })
        .collect()
}
