use super::*;
use cloudlet_aws::Head;
use cloudlet_engine::HttpHooks as _;
use cloudlet_store::{Blobs, Journal};

type Fields = Vec<(&'static str, &'static str)>;

fn http_hooks() -> HttpHooks {
    HttpHooks::new(S3::new(&Journal::off(), Blobs::memory()))
}

fn head<'a>(method: &'a str, path: &'a str, query: &'a str, headers: &'a Fields) -> Head<'a> {
    Head { method, path, query, headers }
}

#[test]
fn a_virtual_host_is_rewritten_to_a_path_with_the_raw_key() {
    let fields = Fields::new();
    for (prefix, path, expected) in [
        (Some("b-1"), "/", Some("/b-1")),
        (Some("b-1"), "/a%2Fb//../c+d", Some("/b-1/a%2Fb//../c+d")),
        (Some("a.b"), "/k", Some("/a.b/k")),
        (Some(""), "/k", None),
        (None, "/b/k", None),
    ] {
        let head = head("GET", path, "", &fields);
        assert_eq!(http_hooks().path(&RequestView { head: &head, prefix }).as_deref(), expected);
    }
}

#[test]
fn preflight_requests_are_refused_without_a_cors_configuration() {
    let preflight = |fields: Fields, path: &str| {
        http_hooks().preflight(&RequestView { head: &head("OPTIONS", path, "", &fields), prefix: None }, path).unwrap_err()
    };
    assert_eq!(preflight(vec![], "/b-1").message(), "Insufficient information. Origin request header needed.");
    let fault = preflight(vec![("origin", "http://a"), ("access-control-request-method", "PUT")], "/b-1/key");
    assert_eq!((fault.code(), fault.status(), fault.message()), ("AccessForbidden", 403, "CORSResponse: Bucket not found"));
    assert_eq!(fault.members(), [("Method", "PUT".to_owned()), ("ResourceType", "OBJECT".to_owned())]);
    assert_eq!(preflight(vec![("origin", "http://a")], "/b-1").members(), [("Method", "OPTIONS".to_owned()), ("ResourceType", "BUCKET".to_owned())]);
}

#[test]
fn an_upload_must_have_a_length() {
    let admit =
        |method: &str, path: &str, fields: Fields| http_hooks().admit(&RequestView { head: &head(method, path, "", &fields), prefix: None }, path);
    assert_eq!(admit("PUT", "/b-1/k", vec![]).unwrap_err().code(), "MissingContentLength");
    assert!(admit("PUT", "/b-1/k", vec![("content-length", "0")]).is_ok());
    assert!(admit("PUT", "/b-1/k", vec![("x-amz-decoded-content-length", "0")]).is_ok());
    assert!(admit("PUT", "/b-1", vec![]).is_ok() && admit("GET", "/b-1/k", vec![]).is_ok());
}

#[test]
fn a_post_to_a_bucket_must_be_a_form() {
    let is_form = |path: &str, query: &str, kind: &'static str| {
        http_hooks().is_form(&RequestView { head: &head("POST", path, query, &vec![("content-type", kind)]), prefix: None }, path)
    };
    assert!(is_form("/b-1", "", "multipart/form-data; boundary=x").unwrap());
    assert!(!is_form("/b-1/k", "uploads", "multipart/form-data; boundary=x").unwrap());
    assert!(!is_form("/b-1", "delete", "application/xml").unwrap());
    let fault = is_form("/b-1", "", "text/html").unwrap_err();
    assert_eq!((fault.status(), fault.members()[0].1.as_str()), (412, "Bucket POST must be of the enclosure-type multipart/form-data"));
}

fn form(fields: &[(&str, &str)], file_name: Option<&str>) -> Form {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Form { fields, file_name: file_name.map(Into::into) }
}

#[test]
fn the_fields_of_a_form_become_headers() {
    let fields = [
        ("key", "user/${filename}"),
        ("acl", "private"),
        ("Content-Type", "text/plain"),
        ("x-amz-meta-Name", "=?UTF-8?B?YWJj?="),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("X-Amz-Signature", "0"),
        ("policy", "e30="),
        ("submit", "Upload"),
        ("tagging", "<Tagging><TagSet><Tag><Key>a b</Key><Value>&lt;1/2&gt;</Value></Tag><Tag><Key>c</Key><Value></Value></Tag></TagSet></Tagging>"),
    ];
    let posted = http_hooks().form("/b-1", form(&fields, Some("C:\\dir\\ü 1.txt"))).unwrap();
    assert_eq!((posted.bucket.as_str(), posted.key.as_str(), posted.path.as_str()), ("b-1", "user/ü 1.txt", "/b-1/user/%C3%BC%201.txt"));
    assert_eq!(posted.fields[0], ("key".to_owned(), "user/ü 1.txt".to_owned()));
    let headers: Vec<(&str, &str)> = posted.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        headers,
        [
            ("x-amz-acl", "private"),
            ("content-type", "text/plain"),
            ("x-amz-meta-name", "=?UTF-8?B?PT9VVEYtOD9CP1lXSmo/PQ==?="),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-tagging", "a%20b=%3C1%2F2%3E&c="),
        ]
    );
    let missing = http_hooks().form("/b-1", form(&[("acl", "private")], None)).unwrap_err();
    assert_eq!((missing.code(), missing.members()[0].1.as_str()), ("InvalidArgument", "key"));
}

#[test]
fn a_form_selects_the_status_and_redirect_of_its_answer() {
    let answered = |fields: &[(&str, &str)]| {
        let fields: Vec<(&str, &str)> = [("key", "a/b&c")].iter().chain(fields).copied().collect();
        let http_hooks = http_hooks();
        let posted = http_hooks.form("/b-1", form(&fields, None)).unwrap();
        http_hooks.post_response(&posted, "http://localhost:4566", "\"e\"")
    };
    assert_eq!(
        (answered(&[]).status, answered(&[("success_action_status", "999")]).status, answered(&[("success_action_status", "200")]).status),
        (204, 204, 200)
    );
    let created = answered(&[("success_action_status", "201")]);
    assert_eq!(created.status, 201);
    assert!(created.body.ends_with(
        "<PostResponse><Location>http://localhost:4566/b-1/a%2Fb%26c</Location><Bucket>b-1</Bucket><Key>a/b&amp;c</Key><ETag>&quot;e&quot;</ETag></PostResponse>"
    ));
    let redirected = answered(&[("success_action_redirect", "http://x.test/done?a=1"), ("success_action_status", "201")]);
    let location = &redirected.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("location")).unwrap().1;
    assert_eq!((redirected.status, location.as_str()), (303, "http://x.test/done?a=1&bucket=b-1&key=a%2Fb%26c&etag=%22e%22"));
    assert_eq!(answered(&[("success_action_redirect", "/relative")]).status, 204);
}
