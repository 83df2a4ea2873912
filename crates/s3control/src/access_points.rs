//! Access points.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points.html>

mod policies;

use crate::{S3Control, api, check_account, public_access};
use cloudlet_api_s3 as s3;
use cloudlet_aws::{Account, Arn, Caller, Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, paging::Paging};
use cloudlet_s3_access::{AccessPoint, AccessPointKey, NetworkOrigin, PublicAccessBlock};
use cloudlet_shape::{Empty, Map, Operation};
use std::sync::Arc;

/// One page of ListAccessPoints.
const MOST_LISTED: usize = 1000;

pub fn key(cx: &Cx, name: &str) -> AccessPointKey {
    AccessPointKey { account: cx.scope.account, region: cx.scope.region.clone(), name: name.into() }
}

pub fn not_found(name: &str) -> Fault {
    FaultKind::sender("NoSuchAccessPoint", 404).says("The specified accesspoint does not exist").with("AccessPointName", name)
}

pub fn arn(cx: &Cx, name: &str) -> Arn {
    Arn::new("s3", &cx.scope, &format!("accesspoint/{name}"))
}

/// The permission for an operation on an access point.
fn permission<O: Operation>(cx: &Cx, account: &str, name: &str) -> Result<Permission, Fault> {
    check_account(cx, account)?;
    Ok(Permission::of::<O>(arn(cx, name)).owned_by(cx.scope.account))
}

/// 3 to 50 lower-case letters, digits and hyphens.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-restrictions-limitations-naming-rules.html>
fn check_name(name: &str) -> Result<(), Fault> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    if (3..=50).contains(&name.len()) && name.bytes().all(known) && !name.starts_with("xn--") {
        let edges = name.starts_with('-') || name.ends_with('-') || name.ends_with("-s3alias");
        if edges || name.contains('.') {
            // AWS: the text is recorded, the code unverified.
            return Err(FaultKind::sender("InvalidRequest", 400).says("Your Amazon S3 AccessPoint name is invalid"));
        }
        return Ok(());
    }
    Err(FaultKind::sender("InvalidURI", 400).says("Couldn't parse the specified URI.").with("URI", format!("accesspoint/{name}")))
}

/// The account of a bucket, which must exist.
async fn owner_of(cx: &Cx, bucket: &str, account: Account) -> Result<(), Fault> {
    let request = s3::GetBucketLocationRequest { bucket: bucket.to_owned(), expected_bucket_owner: Some(account.to_string()) };
    let owner = Caller::root(account, cx.scope.partition(), None);
    match cx.call::<s3::GetBucketLocation>(owner, cx.scope.clone(), request).await {
        Ok(_) => Ok(()),
        Err(fault) if matches!(fault.status(), 403 | 404) => {
            Err(FaultKind::sender("InvalidRequest", 400).says("Amazon S3 AccessPoint can only be created for existing bucket"))
        }
        Err(fault) => Err(fault),
    }
}

impl S3Control {
    /// The permission for an operation on an access point that may exist, with the condition keys of its tags.
    pub(crate) fn on_access_point<O: Operation>(&self, cx: &Cx, account: &str, name: &str) -> Result<Permission, Fault> {
        let mut permission = permission::<O>(cx, account, name)?;
        for (key, value) in self.access_point(cx, name).iter().flat_map(|row| &row.tags) {
            permission.keys.set(format!("s3:AccessPointTag/{key}"), value.clone());
        }
        Ok(permission)
    }

    pub(crate) fn access_point(&self, cx: &Cx, name: &str) -> Result<Arc<AccessPoint>, Fault> {
        self.settings.read(|settings| settings.access_points.get(&key(cx, name)).cloned()).ok_or_else(|| not_found(name))
    }

    pub(crate) fn change_access_point(&self, cx: &Cx, name: &str, change: impl FnOnce(&mut AccessPoint)) -> Result<(), Fault> {
        self.settings.write(|settings| {
            let key = key(cx, name);
            let mut row = settings.access_points.get(&key).map(|row| AccessPoint::clone(row)).ok_or_else(|| not_found(name))?;
            change(&mut row);
            settings.access_points.insert(key, Arc::new(row));
            Ok(())
        })
    }
}

impl Handle<api::CreateAccessPoint> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::CreateAccessPointRequest) -> Result<Permissions, Fault> {
        let tags = input.tags.iter().flatten().map(|tag| (&tag.key, tag.value.clone()));
        let permission = permission::<api::CreateAccessPoint>(cx, &input.account_id, &input.name)?.with_request_tags(tags);
        Ok(permission.and([input.tags.as_ref().filter(|tags| !tags.is_empty()).map(|_| "s3:TagResource")]))
    }

    async fn handle(&self, cx: &Cx, input: api::CreateAccessPointRequest) -> Result<api::CreateAccessPointResult, Fault> {
        check_name(&input.name)?;
        if input.scope.is_some() {
            return Err(FaultKind::receiver("NotImplemented", 501).says("Cloudlet does not implement access points of directory buckets yet."));
        }
        let bucket_account = match input.bucket_account_id.as_deref() {
            Some(id) => Account::parse(id).ok_or_else(|| FaultKind::sender("InvalidRequest", 400).says("The bucket account ID is not valid."))?,
            None => cx.scope.account,
        };
        let tags: Vec<(String, String)> = input.tags.iter().flatten().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        crate::tagging::check(&tags)?;
        owner_of(cx, &input.bucket, bucket_account).await?;
        let random = cx.ids().hex(34);
        let stem: String = input.name.chars().take(63 - 34 - "--s3alias".len()).collect();
        let alias: Arc<str> = format!("{}-{random}-s3alias", stem.trim_end_matches('-')).into();
        let row = AccessPoint {
            bucket: input.bucket.as_str().into(),
            bucket_account,
            alias: alias.clone(),
            origin: input.vpc_configuration.map_or(NetworkOrigin::Internet, |vpc| NetworkOrigin::Vpc(vpc.vpc_id)),
            block: input.public_access_block_configuration.as_ref().map_or(PublicAccessBlock::ALL, public_access::block_of),
            created: cx.now.whole_secs(),
            policy: None,
            tags,
        };
        self.settings.write(|settings| {
            let key = key(cx, &input.name);
            if settings.access_points.get(&key).is_some() {
                return Err(FaultKind::sender("AccessPointAlreadyOwnedByYou", 409)
                    .says("Your previous request to create the named accesspoint succeeded and you already own it."));
            }
            settings.aliases.insert(alias.clone(), key.clone());
            settings.access_points.insert(key, Arc::new(row));
            Ok(api::CreateAccessPointResult { access_point_arn: Some(arn(cx, &input.name).to_string()), alias: Some(alias.to_string()) })
        })
    }
}

fn vpc(origin: &NetworkOrigin) -> (String, Option<api::VpcConfiguration>) {
    match origin {
        NetworkOrigin::Internet => ("Internet".to_owned(), None),
        NetworkOrigin::Vpc(id) => ("VPC".to_owned(), Some(api::VpcConfiguration { vpc_id: id.clone() })),
    }
}

impl Handle<api::GetAccessPoint> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetAccessPointRequest) -> Result<Permissions, Fault> {
        Ok(self.on_access_point::<api::GetAccessPoint>(cx, &input.account_id, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetAccessPointRequest) -> Result<api::GetAccessPointResult, Fault> {
        let row = self.access_point(cx, &input.name)?;
        let region = &cx.scope.region;
        let endpoints: Map<String> = [
            ("ipv4", format!("s3-accesspoint.{region}.amazonaws.com")),
            ("fips", format!("s3-accesspoint-fips.{region}.amazonaws.com")),
            ("fips_dualstack", format!("s3-accesspoint-fips.dualstack.{region}.amazonaws.com")),
            ("dualstack", format!("s3-accesspoint.dualstack.{region}.amazonaws.com")),
        ]
        .into_iter()
        .map(|(name, host)| (name.to_owned(), host))
        .collect();
        let (network_origin, vpc_configuration) = vpc(&row.origin);
        Ok(api::GetAccessPointResult {
            name: Some(input.name.clone()),
            bucket: Some(row.bucket.to_string()),
            network_origin: Some(network_origin),
            vpc_configuration,
            public_access_block_configuration: Some(public_access::shown(row.block)),
            creation_date: Some(row.created),
            alias: Some(row.alias.to_string()),
            access_point_arn: Some(arn(cx, &input.name).to_string()),
            endpoints: Some(endpoints),
            bucket_account_id: Some(row.bucket_account.to_string()),
            ..Default::default()
        })
    }
}

impl Handle<api::DeleteAccessPoint> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::DeleteAccessPointRequest) -> Result<Permissions, Fault> {
        Ok(self.on_access_point::<api::DeleteAccessPoint>(cx, &input.account_id, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteAccessPointRequest) -> Result<Empty, Fault> {
        self.settings.write(|settings| {
            let row = settings.access_points.remove(&key(cx, &input.name)).ok_or_else(|| not_found(&input.name))?;
            settings.aliases.remove(&row.alias);
            Ok(Empty {})
        })
    }
}

impl Handle<api::ListAccessPoints> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::ListAccessPointsRequest) -> Result<Permissions, Fault> {
        crate::account_permission(cx, &input.account_id, "s3:ListAccessPoints")
    }

    async fn handle(&self, cx: &Cx, input: api::ListAccessPointsRequest) -> Result<api::ListAccessPointsResult, Fault> {
        let bucket = input.bucket.as_deref().unwrap_or_default();
        let list = Paging::with_filters::<api::ListAccessPoints>(cx, &[bucket], input.next_token.as_deref());
        let invalid = |_| FaultKind::sender("InvalidRequest", 400).says("The continuation token provided is incorrect");
        let after: Option<String> = list.after().map_err(invalid)?;
        let size = input.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(MOST_LISTED).clamp(1, MOST_LISTED);
        let (account, region) = (cx.scope.account, &cx.scope.region);
        let mut page: Vec<api::AccessPoint> = Vec::new();
        let mut next_token = None;
        self.settings.read(|settings| {
            let start = AccessPointKey { account, region: region.clone(), name: after.as_deref().unwrap_or_default().into() };
            let rows = settings.access_points.range(start..).take_while(|(key, _)| key.account == account && key.region == *region);
            for (key, row) in rows {
                if after.as_deref() == Some(&*key.name) || (input.bucket.is_some() && *row.bucket != *bucket) {
                    continue;
                }
                if page.len() == size {
                    next_token = page.last().map(|last| list.token(&last.name));
                    break;
                }
                let (network_origin, vpc_configuration) = vpc(&row.origin);
                page.push(api::AccessPoint {
                    name: key.name.to_string(),
                    network_origin,
                    vpc_configuration,
                    bucket: row.bucket.to_string(),
                    access_point_arn: Some(arn(cx, &key.name).to_string()),
                    alias: Some(row.alias.to_string()),
                    bucket_account_id: Some(row.bucket_account.to_string()),
                    ..Default::default()
                });
            }
        });
        Ok(api::ListAccessPointsResult { access_point_list: Some(page), next_token })
    }
}
