//! The codecs by protocol.

use crate::{
    aws_json::AwsJson,
    codec::Codec,
    ec2_query::Ec2Query,
    query::{Format, Query},
    rest_json::RestJson,
    rest_xml::RestXml,
};
use cloudlet_shape::Protocol;

/// The codec of a protocol.
pub fn codec(protocol: Protocol) -> &'static dyn Codec {
    match protocol {
        Protocol::AwsJson10 => &AwsJson { content_type: "application/x-amz-json-1.0" },
        Protocol::AwsJson11 => &AwsJson { content_type: "application/x-amz-json-1.1" },
        Protocol::RestJson => &RestJson,
        Protocol::RestXml => &RestXml,
        Protocol::Query => &Query { format: Format::Xml },
        Protocol::Ec2Query => &Ec2Query,
    }
}

/// The codec of a protocol for a client that accepts these media types.
///
/// AWS: the services of the query protocol answer JSON to `Accept: application/json`, as API Gateway sends it to them
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/getting-started-aws-proxy.html>). EC2 answers XML always.
pub fn codec_for(protocol: Protocol, accept: Option<&str>) -> &'static dyn Codec {
    let json = protocol == Protocol::Query && accept.is_some_and(|accept| accept.contains("application/json") && !accept.contains("xml"));
    if json { &Query { format: Format::Json } } else { codec(protocol) }
}
