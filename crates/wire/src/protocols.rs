//! The codecs by protocol.

use crate::{aws_json::AwsJson, codec::Codec, ec2_query::Ec2Query, query::Query, rest_json::RestJson, rest_xml::RestXml};
use cloudlet_shape::Protocol;

/// The codec of a protocol.
pub fn codec(protocol: Protocol) -> &'static dyn Codec {
    match protocol {
        Protocol::AwsJson10 => &AwsJson { content_type: "application/x-amz-json-1.0" },
        Protocol::AwsJson11 => &AwsJson { content_type: "application/x-amz-json-1.1" },
        Protocol::RestJson => &RestJson,
        Protocol::RestXml => &RestXml,
        Protocol::Query => &Query,
        Protocol::Ec2Query => &Ec2Query,
    }
}
