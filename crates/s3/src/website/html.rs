//! The error pages of websites. AWS: recorded.

use cloudlet_aws::Fault;
use cloudlet_engine::PageAnswer;

/// The status line's text.
fn reason(status: u16) -> &'static str {
    match status {
        302 => "Moved Temporarily",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        412 => "Precondition Failed",
        416 => "Requested Range Not Satisfiable",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ if status >= 500 => "Internal Server Error",
        _ => "Error",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// The lines that say what a fault is.
fn lines(fault: &Fault) -> String {
    let own = [("Code", fault.code()), ("Message", fault.message())];
    let members = fault.members().iter().map(|(name, value)| (*name, value.as_str()));
    own.into_iter().chain(members).map(|(name, value)| format!("<li>{name}: {}</li>\n", escaped(value))).collect()
}

/// The header fields that repeat a fault: also where an error document is the body.
pub fn error_headers(fault: &Fault) -> Vec<(&'static str, String)> {
    let mut fields = vec![("x-amz-error-code", fault.code().to_owned()), ("x-amz-error-message", fault.message().to_owned())];
    fields.extend(fault.members().iter().filter(|(name, _)| *name == "Key").map(|(_, key)| ("x-amz-error-detail-Key", key.clone())));
    fields.extend(fault.headers().iter().cloned());
    fields
}

/// The page for a fault; `custom` is why its error document could not be sent.
pub fn error_page(fault: &Fault, custom: Option<&Fault>, request_id: &str, host_id: &str) -> PageAnswer {
    let title = format!("{} {}", fault.status(), reason(fault.status()));
    let custom = custom.map_or_else(String::new, |custom| {
        format!("<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n{}</ul>\n", lines(custom))
    });
    let body = format!(
        "<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n{}<li>RequestId: {request_id}</li>\n<li>HostId: {host_id}</li>\n</ul>\n{custom}<hr/>\n</body>\n</html>\n",
        lines(fault)
    );
    PageAnswer { status: fault.status(), headers: error_headers(fault), body }
}
