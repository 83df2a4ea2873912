//! Launch templates and their versions.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html>

mod versions;

use crate::{
    client_tokens::ClientToken,
    describing::{self, shown},
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    permissions,
    rows::{LaunchTemplate, TemplateVersion},
    state::{At, FilterOf, Kind, Resource, State, in_table},
    tags,
};
use cloudlet_api_ec2::{
    self as api, CreateLaunchTemplate, DeleteLaunchTemplate, DescribeLaunchTemplates, LaunchTemplateSpecification, ModifyLaunchTemplate,
    RunInstancesRequest,
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

/// <https://github.com/aws/aws-cli/issues/3397>
fn check_size(size: Option<i32>) -> Result<(), Fault> {
    match size {
        Some(size) if !(1..=200).contains(&size) => Err(invalid_value("Maximum results allowed are between 1 and 200")),
        _ => Ok(()),
    }
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

/// An operation on one template, which its request names by id or by name.
macro_rules! on_template {
    ($operation:ident, |$cx:ident, $input:ident, $state:ident, $id:ident| $body:block) => {
        cloudlet_engine::handler!(
            $crate::engine::Ec2,
            $operation,
            |ec2, cx, input| Ok($crate::launch_templates::permission_on::<$operation>(
                ec2,
                cx,
                input.launch_template_id.as_deref(),
                input.launch_template_name.as_deref()
            )),
            |ec2, $cx, $input| {
                ec2.begin($cx, $input.dry_run)?;
                ec2.store.write(|$state| {
                    let (id, name) = ($input.launch_template_id.as_deref(), $input.launch_template_name.as_deref());
                    let $id = $crate::launch_templates::find($state, $cx, id, name)?;
                    $body
                })
            }
        );
    };
}
use on_template;

handler!(
    Ec2,
    CreateLaunchTemplate,
    |ec2, cx, input| Ok(permissions::create::<CreateLaunchTemplate>(cx, "launch-template", tags::requested(input.tag_specifications.as_ref()))),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<CreateLaunchTemplate>(cx, &input, input.client_token.as_deref())?;
        if input.operator.is_some() {
            return Err(faults::not_implemented("launch templates of service providers"));
        }
        check_name(&input.launch_template_name)?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "launch-template")?;
        ec2.store.write(|state| {
            let id = token.once::<LaunchTemplate>(state, cx, |state| {
                if state.all::<LaunchTemplate>(&cx.scope).any(|(_, template)| template.name == input.launch_template_name) {
                    return Err(refuse("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use."));
                }
                let by = cx.caller.arn.to_string();
                let data = StoredShape::new(input.launch_template_data);
                let version = TemplateVersion { data, description: input.version_description, made: cx.now, by: by.clone() };
                let (name, versions) = (input.launch_template_name, BTreeMap::from([(1, version)]));
                Ok(state.add(&cx.scope, cx.ids(), LaunchTemplate { name, default: 1, latest: 1, versions, made: cx.now, by }, tags))
            })?;
            Ok(api::CreateLaunchTemplateResult { launch_template: shown::<LaunchTemplate>(state, cx, &id), warning: None })
        })
    }
);

on_template!(ModifyLaunchTemplate, |cx, input, state, id| {
    let template = state.find::<LaunchTemplate>(&cx.scope, &id)?;
    if let Some(version) = input.default_version.as_deref() {
        let (number, _) = version_of(&id, template, Some(version))?;
        state.find_mut::<LaunchTemplate>(&cx.scope, &id)?.default = number;
    }
    Ok(api::ModifyLaunchTemplateResult { launch_template: shown::<LaunchTemplate>(state, cx, &id) })
});

on_template!(DeleteLaunchTemplate, |cx, input, state, id| {
    let launch_template = shown::<LaunchTemplate>(state, cx, &id);
    state.remove::<LaunchTemplate>(&cx.scope, &id);
    Ok(api::DeleteLaunchTemplateResult { launch_template })
});

handler!(Ec2, DescribeLaunchTemplates, |ec2, cx, input| Ok(permissions::describe::<DescribeLaunchTemplates>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    check_size(input.max_results)?;
    let list = Paging::of::<DescribeLaunchTemplates>(cx, &input);
    let page = ec2.store.read(|state| {
        let mut ids = input.launch_template_ids.unwrap_or_default();
        for name in input.launch_template_names.iter().flatten() {
            let missing = "At least one of the launch templates specified in the request does not exist.";
            ids.push(find(state, cx, None, Some(name)).map_err(|_| refuse("InvalidLaunchTemplateName.NotFoundException", missing))?);
        }
        let asked = describing::Asked {
            ids: Some(ids),
            member: "launch_template_ids",
            filters: input.filters,
            size: input.max_results,
            smallest: 1,
            largest: 200,
        };
        describing::describe::<LaunchTemplate>(state, cx, &list, asked)
    })?;
    Ok(api::DescribeLaunchTemplatesResult { launch_templates: Some(page.items), next_token: page.next_token })
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
