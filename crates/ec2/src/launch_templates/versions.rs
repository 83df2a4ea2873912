//! The versions of a launch template.

use super::{as_json, check_size, converted, find, on_template, version_of};
use crate::{
    client_tokens::ClientToken,
    describing,
    engine::Ec2,
    filters::ShownFilters,
    permissions,
    rows::{LaunchTemplate, TemplateVersion},
    state::State,
};
use cloudlet_api_ec2::{
    self as api, CreateLaunchTemplateVersion, DeleteLaunchTemplateVersions, DescribeLaunchTemplateVersions, RequestLaunchTemplateData,
    ResponseLaunchTemplateData,
};
use cloudlet_aws::{Fault, TimestampFormat};
use cloudlet_engine::{Cx, StoredShape, handler, paging::Paging};

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

on_template!(CreateLaunchTemplateVersion, |cx, input, state, id| {
    let token = ClientToken::of::<CreateLaunchTemplateVersion>(cx, &input, input.client_token.as_deref())?;
    let template = state.find::<LaunchTemplate>(&cx.scope, &id)?;
    let made = token.known(state, cx)?.and_then(|number| number.parse::<i64>().ok());
    if let Some((number, version)) = made.and_then(|number| template.versions.get_key_value(&number)) {
        return Ok(api::CreateLaunchTemplateVersionResult {
            launch_template_version: Some(shown_version(&id, template, *number, version)?),
            warning: None,
        });
    }
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
    let number = template.latest;
    template.versions.insert(number, version.clone());
    let answer = shown_version(&id, template, number, &version)?;
    token.remember(state, cx, &number.to_string());
    Ok(api::CreateLaunchTemplateVersionResult { launch_template_version: Some(answer), warning: None })
});

on_template!(DeleteLaunchTemplateVersions, |cx, input, state, id| {
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
});

/// A version as it is shown, by its template and its number.
type NumberedVersion = ((String, i64), api::LaunchTemplateVersion);

/// The versions that a request asks for, with their numbers.
fn asked(state: &State, cx: &Cx, input: &api::DescribeLaunchTemplateVersionsRequest) -> Result<Vec<NumberedVersion>, Fault> {
    let wanted = input.versions.clone().unwrap_or_default();
    let row = |id: &str, template, number, version| Ok(((id.to_owned(), number), shown_version(id, template, number, version)?));
    if input.launch_template_id.is_none() && input.launch_template_name.is_none() {
        // Of all templates, their latest or default ones.
        let each = state.all::<LaunchTemplate>(&cx.scope).flat_map(|(id, template)| wanted.iter().map(move |given| (id, template, given)));
        return each
            .map(|(id, template, given)| version_of(id, template, Some(given)).and_then(|(number, version)| row(id, template, number, version)))
            .collect();
    }
    let id = find(state, cx, input.launch_template_id.as_deref(), input.launch_template_name.as_deref())?;
    let template = state.find::<LaunchTemplate>(&cx.scope, &id)?;
    let bound = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<i64>().ok());
    let (least, most) = (bound(&input.min_version), bound(&input.max_version));
    let mut numbers = wanted.iter().map(|given| version_of(&id, template, Some(given)).map(|(number, _)| number)).collect::<Result<Vec<_>, _>>()?;
    if wanted.is_empty() {
        numbers = template.versions.keys().copied().collect();
    }
    numbers.retain(|number| least.is_none_or(|least| *number >= least) && most.is_none_or(|most| *number <= most));
    let known = numbers.into_iter().filter_map(|number| template.versions.get(&number).map(|version| (number, version)));
    known.map(|(number, version)| row(&id, template, number, version)).collect()
}

handler!(Ec2, DescribeLaunchTemplateVersions, |ec2, cx, input| Ok(permissions::describe::<DescribeLaunchTemplateVersions>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    check_size(input.max_results)?;
    let list = Paging::of::<DescribeLaunchTemplateVersions>(cx, &input);
    let filters = ShownFilters::read(input.filters.take(), values)?;
    let page = ec2.store.read(|state| {
        let mut rows = asked(state, cx, &input)?;
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        rows.dedup_by(|(one, _), (other, _)| one == other);
        describing::page(&list, rows.into_iter().filter(|(_, version)| filters.pass(version)))
    })?;
    Ok(api::DescribeLaunchTemplateVersionsResult { launch_template_versions: Some(page.items), next_token: page.next_token })
});

/// What `Filter.N` calls a value of a version.
fn values(of: &api::LaunchTemplateVersion, filter: &str) -> Option<Vec<String>> {
    let data = of.launch_template_data.as_ref();
    let metadata = data.and_then(|data| data.metadata_options.as_ref());
    let profile = data.and_then(|data| data.iam_instance_profile.as_ref());
    let text = match filter {
        "create-time" => of.create_time.map(|at| at.text(TimestampFormat::DateTime)),
        "ebs-optimized" => data.and_then(|data| data.ebs_optimized).map(|it| it.to_string()),
        "http-endpoint" => metadata.and_then(|options| options.http_endpoint.clone()),
        "http-protocol-ipv4" => None,
        "http-tokens" => metadata.and_then(|options| options.http_tokens.clone()),
        "iam-instance-profile" => profile.and_then(|profile| profile.arn.clone().or_else(|| profile.name.clone())),
        "image-id" => data.and_then(|data| data.image_id.clone()),
        "instance-type" => data.and_then(|data| data.instance_type.clone()),
        "is-default-version" => of.default_version.map(|it| it.to_string()),
        "kernel-id" => data.and_then(|data| data.kernel_id.clone()),
        "ram-disk-id" => data.and_then(|data| data.ram_disk_id.clone()),
        "host-resource-group-arn" => data.and_then(|data| data.placement.as_ref()?.host_resource_group_arn.clone()),
        "license-configuration-arn" => {
            let all = data.into_iter().flat_map(|data| data.license_specifications.iter().flatten());
            return Some(all.filter_map(|one| one.license_configuration_arn.clone()).collect());
        }
        "network-card-index" => {
            let all = data.into_iter().flat_map(|data| data.network_interfaces.iter().flatten());
            return Some(all.filter_map(|one| one.network_card_index).map(|index| index.to_string()).collect());
        }
        _ => return None,
    };
    Some(text.into_iter().collect())
}
