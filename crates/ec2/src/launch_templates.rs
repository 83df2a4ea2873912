//! Launch templates and their versions.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html>

use crate::{
    describing::{self, shown},
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    permissions,
    rows::{LaunchTemplate, TemplateVersion},
    state::{At, FilterOf, Kind, Resource, State, in_table},
    tags,
};
use cloudlet_api_ec2::{
    self as api, CreateLaunchTemplate, CreateLaunchTemplateVersion, DeleteLaunchTemplate, DeleteLaunchTemplateVersions,
    DescribeLaunchTemplateVersions, DescribeLaunchTemplates, LaunchTemplateSpecification, ModifyLaunchTemplate, RequestLaunchTemplateData,
    ResponseLaunchTemplateData, RunInstancesRequest,
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Operation, Permissions, StoredShape, handler, paging::Paging};
use cloudlet_shape::Shape;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl Resource for LaunchTemplate {
    const KIND: Kind = Kind {
        prefix: "lt",
        name: "launch-template",
        missing: "InvalidLaunchTemplateId.NotFound",
        says: ("The specified launch template, with template ID ", ", does not exist."),
        malformed: "InvalidLaunchTemplateId.Malformed",
    };
    const FILTERS: &'static [FilterOf<LaunchTemplate>] = &[
        ("create-time", |template, _| vec![template.made.text(cloudlet_aws::TimestampFormat::DateTime)]),
        ("launch-template-name", |template, _| vec![template.name.clone()]),
    ];
    type Shown = api::LaunchTemplate;

    in_table!(launch_templates, LaunchTemplate);

    fn shown(&self, at: &At<'_>) -> api::LaunchTemplate {
        api::LaunchTemplate {
            launch_template_id: Some(at.id.to_owned()),
            launch_template_name: Some(self.name.clone()),
            create_time: Some(self.made),
            created_by: Some(self.by.clone()),
            default_version_number: Some(self.default),
            latest_version_number: Some(self.latest),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
            operator: None,
        }
    }
}

/// A shape in the neutral JSON of rows.
fn as_json<T: Shape>(shape: T) -> Map<String, Value> {
    match serde_json::to_value(StoredShape::new(shape)) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// Another shape whose members have the same names.
fn converted<T: Shape>(object: Map<String, Value>) -> Result<T, Fault> {
    serde_json::from_value::<StoredShape<T>>(Value::Object(object)).map(|stored| stored.shape()).map_err(Fault::internal)
}

fn shown_version(id: &str, template: &LaunchTemplate, number: i64, version: &TemplateVersion) -> Result<api::LaunchTemplateVersion, Fault> {
    Ok(api::LaunchTemplateVersion {
        launch_template_id: Some(id.to_owned()),
        launch_template_name: Some(template.name.clone()),
        version_number: Some(number),
        version_description: version.description.clone(),
        create_time: Some(version.made),
        created_by: Some(version.by.clone()),
        default_version: Some(number == template.default),
        launch_template_data: Some(converted::<ResponseLaunchTemplateData>(as_json(version.data.shape()))?),
        operator: None,
    })
}

/// The id of a template that a request names by id or by name.
fn find(state: &State, cx: &Cx, id: Option<&str>, name: Option<&str>) -> Result<String, Fault> {
    match (id, name) {
        (Some(_), Some(_)) => Err(invalid_value("The request must contain exactly one of launch template ID and launch template name")),
        (Some(id), None) => state.find::<LaunchTemplate>(&cx.scope, id).map(|_| id.to_owned()),
        (None, Some(name)) => {
            let found = state.all::<LaunchTemplate>(&cx.scope).find(|(_, template)| template.name == name);
            let missing = || {
                let message = format!("The specified launch template, with template name {name}, does not exist.");
                refuse("InvalidLaunchTemplateName.NotFoundException", message)
            };
            found.map(|(id, _)| id.to_owned()).ok_or_else(missing)
        }
        (None, None) => Err(refuse("MissingParameter", "You must specify either launch template ID or launch template name.")),
    }
}

/// `$Latest`, `$Default` or a number.
fn version_of<'t>(id: &str, template: &'t LaunchTemplate, given: Option<&str>) -> Result<(i64, &'t TemplateVersion), Fault> {
    let number = match given {
        None | Some("$Default") => template.default,
        Some("$Latest") => template.latest,
        Some(text) => {
            let malformed = || refuse("InvalidLaunchTemplateVersion.Malformed", format!("Invalid launch template version '{text}'."));
            text.parse::<i64>().map_err(|_| malformed())?
        }
    };
    let found = template.versions.get(&number).map(|version| (number, version));
    found.ok_or_else(|| {
        let message = format!("Could not find the specified version {number} for the launch template with ID {id}.");
        refuse("InvalidLaunchTemplateId.VersionNotFound", message)
    })
}

fn check_name(name: &str) -> Result<(), Fault> {
    let fits = (3..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"().-/_".contains(&byte));
    // AWS: unverified wording.
    let message =
        "Launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the following characters: - ( ) . / _";
    if fits { Ok(()) } else { Err(refuse("InvalidLaunchTemplateName.MalformedException", message)) }
}

fn permission_on<O: Operation>(ec2: &Ec2, cx: &Cx, id: Option<&str>, name: Option<&str>) -> Permissions {
    let found = ec2.store.read(|state| find(state, cx, id, name));
    ec2.on::<O, LaunchTemplate>(cx, &found.unwrap_or_else(|_| id.unwrap_or("*").to_owned())).into()
}

handler!(
    Ec2,
    CreateLaunchTemplate,
    |ec2, cx, input| Ok(permissions::create::<CreateLaunchTemplate>(cx, "launch-template", tags::requested(input.tag_specifications.as_ref()))),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        if input.operator.is_some() {
            return Err(faults::not_implemented("launch templates of service providers"));
        }
        check_name(&input.launch_template_name)?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "launch-template")?;
        ec2.store.write(|state| {
            if state.all::<LaunchTemplate>(&cx.scope).any(|(_, template)| template.name == input.launch_template_name) {
                return Err(refuse("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use."));
            }
            let by = cx.caller.arn.to_string();
            let version = TemplateVersion {
                data: StoredShape::new(input.launch_template_data),
                description: input.version_description,
                made: cx.now,
                by: by.clone(),
            };
            let template = LaunchTemplate {
                name: input.launch_template_name,
                default: 1,
                latest: 1,
                versions: BTreeMap::from([(1, version)]),
                made: cx.now,
                by,
            };
            let id = state.add(&cx.scope, cx.ids(), template, tags);
            Ok(api::CreateLaunchTemplateResult { launch_template: shown::<LaunchTemplate>(state, cx, &id), warning: None })
        })
    }
);

handler!(
    Ec2,
    CreateLaunchTemplateVersion,
    |ec2, cx, input| Ok(permission_on::<CreateLaunchTemplateVersion>(
        ec2,
        cx,
        input.launch_template_id.as_deref(),
        input.launch_template_name.as_deref()
    )),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = find(state, cx, input.launch_template_id.as_deref(), input.launch_template_name.as_deref())?;
            let template = state.find::<LaunchTemplate>(&cx.scope, &id)?;
            // What is not given comes from the source version, if there is one.
            let data = match input.source_version.as_deref() {
                Some(source) => {
                    let mut object = as_json(version_of(&id, template, Some(source))?.1.data.shape());
                    object.extend(as_json(input.launch_template_data).into_iter().filter(|(_, value)| !value.is_null()));
                    converted::<RequestLaunchTemplateData>(object)?
                }
                None => input.launch_template_data,
            };
            let version =
                TemplateVersion { data: StoredShape::new(data), description: input.version_description, made: cx.now, by: cx.caller.arn.to_string() };
            let template = state.find_mut::<LaunchTemplate>(&cx.scope, &id)?;
            template.latest += 1;
            template.versions.insert(template.latest, version.clone());
            let answer = shown_version(&id, template, template.latest, &version)?;
            Ok(api::CreateLaunchTemplateVersionResult { launch_template_version: Some(answer), warning: None })
        })
    }
);

handler!(
    Ec2,
    ModifyLaunchTemplate,
    |ec2, cx, input| Ok(permission_on::<ModifyLaunchTemplate>(ec2, cx, input.launch_template_id.as_deref(), input.launch_template_name.as_deref())),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = find(state, cx, input.launch_template_id.as_deref(), input.launch_template_name.as_deref())?;
            let template = state.find::<LaunchTemplate>(&cx.scope, &id)?;
            if let Some(version) = input.default_version.as_deref() {
                let (number, _) = version_of(&id, template, Some(version))?;
                state.find_mut::<LaunchTemplate>(&cx.scope, &id)?.default = number;
            }
            Ok(api::ModifyLaunchTemplateResult { launch_template: shown::<LaunchTemplate>(state, cx, &id) })
        })
    }
);

handler!(
    Ec2,
    DeleteLaunchTemplate,
    |ec2, cx, input| Ok(permission_on::<DeleteLaunchTemplate>(ec2, cx, input.launch_template_id.as_deref(), input.launch_template_name.as_deref())),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = find(state, cx, input.launch_template_id.as_deref(), input.launch_template_name.as_deref())?;
            let launch_template = shown::<LaunchTemplate>(state, cx, &id);
            state.remove::<LaunchTemplate>(&cx.scope, &id);
            Ok(api::DeleteLaunchTemplateResult { launch_template })
        })
    }
);

handler!(
    Ec2,
    DeleteLaunchTemplateVersions,
    |ec2, cx, input| Ok(permission_on::<DeleteLaunchTemplateVersions>(
        ec2,
        cx,
        input.launch_template_id.as_deref(),
        input.launch_template_name.as_deref()
    )),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = find(state, cx, input.launch_template_id.as_deref(), input.launch_template_name.as_deref())?;
            let template = state.find_mut::<LaunchTemplate>(&cx.scope, &id)?;
            let (mut deleted, mut kept) = (Vec::new(), Vec::new());
            for given in &input.versions {
                let found = version_of(&id, template, Some(given)).map(|(number, _)| number);
                let wrong = match &found {
                    // AWS: unverified wording.
                    Ok(number) if *number == template.default => {
                        Some(("launchTemplateVersionIsDefault", "The default version cannot be deleted.".to_owned()))
                    }
                    Ok(_) => None,
                    Err(fault) => Some(("launchTemplateVersionDoesNotExist", fault.message().to_owned())),
                };
                let number = found.ok();
                match wrong {
                    Some((code, message)) => kept.push(api::DeleteLaunchTemplateVersionsResponseErrorItem {
                        launch_template_id: Some(id.clone()),
                        launch_template_name: Some(template.name.clone()),
                        version_number: number,
                        response_error: Some(api::ResponseError { code: Some(code.to_owned()), message: Some(message) }),
                    }),
                    None => {
                        template.versions.retain(|known, _| Some(*known) != number);
                        deleted.push(api::DeleteLaunchTemplateVersionsResponseSuccessItem {
                            launch_template_id: Some(id.clone()),
                            launch_template_name: Some(template.name.clone()),
                            version_number: number,
                        });
                    }
                }
            }
            Ok(api::DeleteLaunchTemplateVersionsResult {
                successfully_deleted_launch_template_versions: Some(deleted),
                unsuccessfully_deleted_launch_template_versions: Some(kept),
            })
        })
    }
);

handler!(Ec2, DescribeLaunchTemplates, |ec2, cx, input| Ok(permissions::describe::<DescribeLaunchTemplates>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let list = Paging::of::<DescribeLaunchTemplates>(cx, &input);
    let page = ec2.store.read(|state| {
        let mut ids = input.launch_template_ids.unwrap_or_default();
        for name in input.launch_template_names.iter().flatten() {
            let missing = "At least one of the launch templates specified in the request does not exist.";
            ids.push(find(state, cx, None, Some(name)).map_err(|_| refuse("InvalidLaunchTemplateName.NotFoundException", missing))?);
        }
        let asked = describing::Asked { ids: Some(ids), filters: input.filters, size: input.max_results, smallest: 1, largest: 200 };
        describing::describe::<LaunchTemplate>(state, cx, &list, asked)
    })?;
    Ok(api::DescribeLaunchTemplatesResult { launch_templates: Some(page.items), next_token: page.next_token })
});

handler!(Ec2, DescribeLaunchTemplateVersions, |ec2, cx, input| Ok(permissions::describe::<DescribeLaunchTemplateVersions>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    if input.filters.as_ref().is_some_and(|filters| !filters.is_empty()) {
        return Err(faults::not_implemented("filters of launch template versions"));
    }
    let list = Paging::of::<DescribeLaunchTemplateVersions>(cx, &input);
    let wanted = input.versions.unwrap_or_default();
    let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<i64>().ok());
    let (least, most) = (number(&input.min_version), number(&input.max_version));
    let page = ec2.store.read(|state| {
        let mut rows = Vec::new();
        if input.launch_template_id.is_none() && input.launch_template_name.is_none() {
            // Of all templates, their latest or default ones.
            for (id, template) in state.all::<LaunchTemplate>(&cx.scope) {
                for given in &wanted {
                    let (number, version) = version_of(id, template, Some(given))?;
                    rows.push(((id.to_owned(), number), shown_version(id, template, number, version)?));
                }
            }
        } else {
            let id = find(state, cx, input.launch_template_id.as_deref(), input.launch_template_name.as_deref())?;
            let template = state.find::<LaunchTemplate>(&cx.scope, &id)?;
            let mut numbers =
                wanted.iter().map(|given| version_of(&id, template, Some(given)).map(|(number, _)| number)).collect::<Result<Vec<_>, _>>()?;
            if wanted.is_empty() {
                numbers = template.versions.keys().copied().collect();
            }
            numbers.retain(|number| least.is_none_or(|least| *number >= least) && most.is_none_or(|most| *number <= most));
            numbers.sort_unstable();
            numbers.dedup();
            for number in numbers {
                if let Some(version) = template.versions.get(&number) {
                    rows.push(((id.clone(), number), shown_version(&id, template, number, version)?));
                }
            }
        }
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        rows.dedup_by(|(one, _), (other, _)| one == other);
        describing::page(&list, rows.into_iter())
    })?;
    Ok(api::DescribeLaunchTemplateVersionsResult { launch_template_versions: Some(page.items), next_token: page.next_token })
});

/// The request of RunInstances with what its launch template has beside it: what the request says itself counts.
pub fn applied(state: &State, cx: &Cx, given: &LaunchTemplateSpecification, request: RunInstancesRequest) -> Result<RunInstancesRequest, Fault> {
    let id = find(state, cx, given.launch_template_id.as_deref(), given.launch_template_name.as_deref())?;
    let template = state.find::<LaunchTemplate>(&cx.scope, &id)?;
    let (_, version) = version_of(&id, template, given.version.as_deref())?;
    let own = as_json(RunInstancesRequest { launch_template: None, ..request });
    let own: Vec<(String, Value)> = own.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let mut object = as_json(version.data.shape());
    // Interfaces of the template have its groups; those of the request replace both.
    if own.iter().any(|(name, _)| matches!(name.as_str(), "SubnetId" | "SecurityGroupIds")) {
        object.shift_remove("NetworkInterfaces");
    }
    object.extend(own);
    converted::<RunInstancesRequest>(object)
}
