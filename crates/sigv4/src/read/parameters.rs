//! The query parameters of presigned requests.

use crate::v2;
use cloudlet_aws::Head;

/// The parameters of presigned requests, of all versions.
#[derive(Default)]
pub(super) struct Query<'a> {
    pub algorithm: Option<&'a str>,
    pub credential: Option<&'a str>,
    pub date: Option<&'a str>,
    pub expires: Option<&'a str>,
    pub signed_headers: Option<&'a str>,
    pub signature: Option<&'a str>,
    pub token: Option<&'a str>,
    pub region_set: Option<&'a str>,
    pub v2: v2::Query<'a>,
}

impl<'a> Query<'a> {
    pub fn of(head: &Head<'a>) -> Query<'a> {
        let mut query = Query::default();
        for (name, value) in head.raw_query() {
            let slot = match name {
                "X-Amz-Algorithm" => &mut query.algorithm,
                "X-Amz-Credential" => &mut query.credential,
                "X-Amz-Date" => &mut query.date,
                "X-Amz-Expires" => &mut query.expires,
                "X-Amz-SignedHeaders" => &mut query.signed_headers,
                "X-Amz-Signature" => &mut query.signature,
                "X-Amz-Security-Token" | "X-Amz-S3session-Token" => &mut query.token,
                "X-Amz-Region-Set" => &mut query.region_set,
                "AWSAccessKeyId" => &mut query.v2.access_key,
                "Signature" => &mut query.v2.signature,
                "Expires" => &mut query.v2.expires,
                "SignatureVersion" => &mut query.v2.version,
                "x-amz-security-token" => &mut query.v2.token,
                _ => continue,
            };
            slot.get_or_insert(value);
        }
        query
    }
}
