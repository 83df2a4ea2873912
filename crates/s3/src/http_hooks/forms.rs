//! Browser forms: the PutObject that a form stands for, and its answer.

use crate::{faults, metadata, names::location};
use cloudlet_aws::Fault;
use cloudlet_engine::{Form, PostResponse, PostedObject};

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>
pub fn posted_object(bucket: &str, form: Form) -> Result<PostedObject, Fault> {
    let Form { mut fields, file_name } = form;
    let name = file_name.as_deref().unwrap_or_default();
    // Some browsers send the whole path of the file.
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    for (_, value) in fields.iter_mut().filter(|(field, _)| field.eq_ignore_ascii_case("key")) {
        *value = value.replace("${filename}", name);
    }
    let key = field(&fields, "key").filter(|key| !key.is_empty()).map(str::to_owned).ok_or_else(|| {
        faults::invalid_argument(
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
            "key",
            "",
        )
    })?;
    let mut headers = Vec::new();
    for (name, value) in &fields {
        headers.extend(header(&name.to_ascii_lowercase(), value)?);
    }
    Ok(PostedObject { bucket: bucket.to_owned(), path: format!("/{bucket}/{}", escape(&key)), key, headers, fields })
}

pub fn post_response(posted: &PostedObject, endpoint: &str, etag: &str) -> PostResponse {
    let PostedObject { bucket, key, fields, .. } = posted;
    let redirect = field(fields, "success_action_redirect").or_else(|| field(fields, "redirect"));
    if let Some(url) = redirect.filter(|url| ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme))) {
        let join = if url.contains('?') { '&' } else { '?' };
        let query =
            [("bucket", bucket.as_str()), ("key", key), ("etag", etag)].map(|(name, value)| format!("{name}={}", escape(value).replace('/', "%2F")));
        let location = format!("{url}{join}{}", query.join("&"));
        return PostResponse { status: 303, headers: vec![("Location", location), ("ETag", etag.to_owned())], body: String::new() };
    }
    let location = location(endpoint, bucket, key);
    let headers = vec![("ETag", etag.to_owned()), ("Location", location.clone())];
    match field(fields, "success_action_status") {
        Some("200") => PostResponse { status: 200, headers, body: String::new() },
        Some("201") => {
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>{}</Location><Bucket>{bucket}</Bucket><Key>{}</Key><ETag>{}</ETag></PostResponse>",
                escape_xml(&location),
                escape_xml(key),
                escape_xml(etag)
            );
            PostResponse { status: 201, headers, body }
        }
        _ => PostResponse { status: 204, headers, body: String::new() },
    }
}

/// A field of a form. Its name is compared without case.
fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The header of PutObject that a field of a form stands for. `None` for fields that are not about the object.
fn header(name: &str, value: &str) -> Result<Option<(String, String)>, Fault> {
    const SAME: [&str; 7] =
        ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "content-md5", "expires"];
    let named = |name: &str| Ok(Some((name.to_owned(), value.to_owned())));
    match name {
        "acl" => named("x-amz-acl"),
        "tagging" => Ok(Some(("x-amz-tagging".to_owned(), tags(value)?))),
        // The field may be any text. PutObject decodes encoded words of its headers.
        _ if name.starts_with("x-amz-meta-") => Ok(Some((name.to_owned(), metadata::encode_reversibly(value)))),
        _ if SAME.contains(&name) => named(name),
        _ if SIGNATURE.contains(&name) => Ok(None),
        _ if name.starts_with("x-amz-") => named(name),
        _ => Ok(None),
    }
}

/// The fields of the signature.
const SIGNATURE: [&str; 5] = ["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token"];

/// Converts the `tagging` field, an XML document, to the query string of the header.
fn tags(document: &str) -> Result<String, Fault> {
    let mut pairs = Vec::new();
    let set = between(document, "<TagSet>", "</TagSet>").ok_or_else(faults::malformed_xml)?;
    let mut rest = set.0;
    while let Some((tag, after)) = between(rest, "<Tag>", "</Tag>") {
        let text = |open: &str, close: &str| between(tag, open, close).map(|(text, _)| escape(&unescape_xml(text)).replace('/', "%2F"));
        match (text("<Key>", "</Key>"), text("<Value>", "</Value>")) {
            (Some(key), Some(value)) => pairs.push(format!("{key}={value}")),
            _ => return Err(faults::malformed_xml()),
        }
        rest = after;
    }
    if rest.trim().is_empty() { Ok(pairs.join("&")) } else { Err(faults::malformed_xml()) }
}

/// The text between two delimiters, and the rest.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<(&'a str, &'a str)> {
    text.split_once(open)?.1.split_once(close)
}

fn unescape_xml(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'").replace("&amp;", "&")
}

fn escape(key: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
    utf8_percent_encode(key, ESCAPED).to_string()
}
