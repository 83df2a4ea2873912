//! Access points in requests of S3: where one stands in place of a bucket, and what it decides.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-usage-examples.html>

use crate::{
    S3,
    access::{BucketHandle, UsedAccessPoint},
    api,
};
use cloudlet_aws::{Account, Arn, Caller, Identity};
use cloudlet_engine::{Cx, Permission};
use cloudlet_s3_access::{AccessPoint, AccessPointKey, NetworkOrigin};
use std::sync::Arc;

/// The raw path of a request that names an access point by its ARN, with the form that its host name has: `name-account`.
pub fn path_of_arn(path: &str) -> Option<String> {
    let start = path.strip_prefix("/arn").filter(|rest| rest.starts_with([':', '%']))?;
    let text = start.replacen("%3A", ":", 5).replacen("%3a", ":", 5);
    let (head, rest) = text.split_once(":accesspoint")?;
    let account = Account::parse(head.rsplit(':').next()?)?;
    let rest = ["/", ":", "%2F", "%2f"].iter().find_map(|mark| rest.strip_prefix(mark))?;
    let (name, key) = rest.split_once('/').map_or((rest, None), |(name, key)| (name, Some(key)));
    Some(key.map_or_else(|| format!("/{name}-{account}"), |key| format!("/{name}-{account}/{key}")))
}

impl S3 {
    /// The access point that stands in place of a bucket: by its alias, its ARN, or by name and account as in its host name.
    pub(crate) fn access_point(&self, name: &str) -> Option<UsedAccessPoint> {
        let found = |key: &AccessPointKey, row: &Arc<AccessPoint>| UsedAccessPoint { key: key.clone(), row: row.clone() };
        self.settings.read(|settings| {
            if name.ends_with("-s3alias") {
                let key = settings.aliases.get(name)?;
                return settings.access_points.get(key).map(|row| found(key, row));
            }
            if name.starts_with("arn:") {
                let arn = Arn::parse(name).filter(|arn| arn.service() == "s3")?;
                let resource = arn.resource();
                let name = resource.strip_prefix("accesspoint/").or_else(|| resource.strip_prefix("accesspoint:"))?;
                let (account, region) = (Account::parse(arn.account())?, cloudlet_aws::Region::new(arn.region()));
                let key = AccessPointKey { account, region, name: name.into() };
                return settings.access_points.get(&key).map(|row| found(&key, row));
            }
            let (name, account) = name.rsplit_once('-')?;
            let account = Account::parse(account)?;
            let mut rows = settings.access_points.iter();
            rows.find(|(key, _)| key.account == account && *key.name == *name).map(|(key, row)| found(key, row))
        })
    }

    /// Whether a bucket has access points.
    pub(crate) fn has_access_points(&self, bucket: &str) -> bool {
        self.settings.read(|settings| settings.access_points.values().any(|row| *row.bucket == *bucket))
    }
}

impl UsedAccessPoint {
    pub(crate) fn arn(&self, cx: &Cx) -> Arn {
        let AccessPointKey { account, region, name } = &self.key;
        Arn::build(cx.scope.partition(), "s3", region.as_str(), account.as_str(), &format!("accesspoint/{name}"))
    }
}

impl BucketHandle {
    /// The permission that decides a request through an access point. Both the access point and the bucket must allow it: that of the access
    /// point is returned where it does not.
    pub(crate) fn through_access_point(&self, cx: &Cx, used: &UsedAccessPoint, mut on_bucket: Permission) -> Permission {
        let arn = used.arn(cx);
        let origin = if used.row.origin == NetworkOrigin::Internet { "Internet" } else { "VPC" };
        on_bucket.keys.set("s3:DataAccessPointArn", arn.to_string());
        on_bucket.keys.set("s3:DataAccessPointAccount", used.key.account.to_string());
        on_bucket.keys.set("s3:AccessPointNetworkOrigin", origin);
        let object = on_bucket.resource.resource().split_once('/').map(|(_, key)| key.to_owned());
        let resource = object.map_or_else(|| Some(arn.clone()), |key| Arn::parse(&format!("{arn}/object/{key}"))).unwrap_or_else(|| arn.clone());
        let policy = used.row.policy.as_ref().map(|policy| {
            let restricts = self.settings().block_of(used.key.account).with(used.row.block).restrict_public_buckets;
            let shuts_out = policy.is_public() && restricts && !is_insider(&cx.caller, used.key.account);
            if shuts_out { policy.denies(arn.to_string()) } else { policy.named(arn.to_string()) }
        });
        let own = Permission { resource, grant: None, ..on_bucket.clone() }.owned_by(used.key.account).with_policy(policy);
        match cx.check::<api::GetObject>(&own) {
            Ok(()) => on_bucket,
            Err(_) => own,
        }
    }
}

fn is_insider(caller: &Caller, account: Account) -> bool {
    caller.account == Some(account) || matches!(caller.identity, Identity::Service { .. })
}

#[cfg(test)]
mod tests {
    use super::path_of_arn;

    #[test]
    fn an_arn_in_a_path_is_read_with_its_raw_key() {
        for (path, expected) in [
            ("/arn:aws:s3:us-east-1:000000000000:accesspoint/ap/a%2Fb", Some("/ap-000000000000/a%2Fb")),
            ("/arn%3Aaws%3As3%3Aus-east-1%3A000000000000%3Aaccesspoint%2Fap/k:1", Some("/ap-000000000000/k:1")),
            ("/arn:aws:s3:us-east-1:000000000000:accesspoint/ap", Some("/ap-000000000000")),
            ("/arn/key", None),
            ("/arn:aws:s3:::b/key", None),
        ] {
            assert_eq!(path_of_arn(path).as_deref(), expected, "{path}");
        }
    }
}
