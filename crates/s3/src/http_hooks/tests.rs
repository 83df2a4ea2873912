use super::*;
use cloudlet_aws::Head;
use cloudlet_engine::HttpHooks as _;

type Fields = Vec<(&'static str, &'static str)>;

fn http_hooks() -> HttpHooks {
    HttpHooks::new(crate::tests::fixture::engine())
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
        assert_eq!(http_hooks().path(&RequestView { head: &head, prefix, service: None }).as_deref(), expected);
    }
}

#[test]
fn preflight_requests_are_refused_without_a_cors_configuration() {
    let preflight = |fields: Fields, path: &str| {
        http_hooks().preflight(&RequestView { head: &head("OPTIONS", path, "", &fields), prefix: None, service: None }, path).unwrap_err()
    };
    assert_eq!(preflight(vec![], "/b-1").message(), "Insufficient information. Origin request header needed.");
    let fault = preflight(vec![("origin", "http://a"), ("access-control-request-method", "PUT")], "/b-1/key");
    assert_eq!((fault.code(), fault.status(), fault.message()), ("AccessForbidden", 403, "CORSResponse: Bucket not found"));
    assert_eq!(fault.members(), [("Method", "PUT".to_owned()), ("ResourceType", "BUCKET".to_owned())]);
    assert_eq!(preflight(vec![("origin", "http://a")], "/b-1").members(), [("Method", "OPTIONS".to_owned()), ("ResourceType", "BUCKET".to_owned())]);
}

/// What is refused before and after the signature is verified: status, code and message.
fn refused(method: &str, target: &str, headers: &Fields) -> Option<(u16, String, String)> {
    fault(method, target, headers).map(|fault| (fault.status(), fault.code().to_owned(), fault.message().to_owned()))
}

fn fault(method: &str, target: &str, headers: &Fields) -> Option<Fault> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let length = vec![("content-length", "0")];
    let head = head(method, path, query, if headers.is_empty() { &length } else { headers });
    let view = RequestView { head: &head, prefix: None, service: None };
    let http_hooks = http_hooks();
    let rewritten = http_hooks.path(&view);
    let path = rewritten.as_deref().unwrap_or(path);
    let admitted = http_hooks.admit(&view, path).and_then(|()| http_hooks.admit_verified(&view, path));
    match admitted {
        // There is no bucket here; nor what is reported before it.
        Err(fault) if fault.code() == "NoSuchBucket" => {
            let level = Level::of(path);
            http_hooks.check_found(&head, path, level, select(&head, level).unwrap()).err()
        }
        admitted => admitted.err(),
    }
}

const NONE: Fields = Vec::new();

#[test]
fn an_upload_must_have_a_length() {
    let code = |method: &str, path: &str, headers: Fields| {
        let head = head(method, path, "", &headers);
        http_hooks()
            .admit(&RequestView { head: &head, prefix: None, service: None }, path)
            .err()
            .map(|fault| (fault.status(), fault.code().to_owned()))
    };
    assert_eq!(code("PUT", "/b-1/k", vec![]), Some((411, "MissingContentLength".into())));
    let streaming = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert_eq!(code("PUT", "/b-1/k", vec![streaming, ("content-length", "9")]), Some((411, "MissingContentLength".into())));
    for accepted in [
        vec![("content-length", "0")],
        vec![("x-amz-decoded-content-length", "0")],
        vec![streaming, ("x-amz-decoded-content-length", "0"), ("transfer-encoding", "chunked")],
    ] {
        assert_eq!(code("PUT", "/b-1/k", accepted), None);
    }
    assert_eq!(code("PUT", "/b-1/k", vec![("transfer-encoding", "chunked")]), Some((501, "NotImplemented".into())));
    assert_eq!((code("PUT", "/b-1", vec![]), code("GET", "/b-1/k", vec![])), (None, None));
}

#[test]
fn a_method_that_a_resource_lacks_is_not_allowed() {
    for (method, target, resource_type, allow) in [
        ("POST", "/", "SERVICE", "GET"),
        ("HEAD", "/", "SERVICE", "GET"),
        ("PATCH", "/b-1", "BUCKET", "HEAD, DELETE, POST, GET, PUT"),
        ("POST", "/b-1/k", "OBJECT", "HEAD, DELETE, GET, PUT"),
        ("POST", "/b-1/k?upload", "OBJECT", "HEAD, DELETE, GET, PUT"),
        ("PATCH", "/b-1/k", "OBJECT", "HEAD, DELETE, GET, PUT"),
        ("DELETE", "/b-1?acl", "ACL", "GET, PUT"),
        ("POST", "/b-1?versioning", "VERSIONING", "GET, PUT"),
        ("PUT", "/b-1?location", "LOCATION", "GET"),
        ("GET", "/b-1?delete", "MULTI_OBJECT_DELETE", "POST"),
        ("PUT", "/b-1?uploads", "UPLOADS", "POST, GET"),
        ("PUT", "/b-1?uploadId=x", "UPLOAD", "DELETE, POST, GET"),
        ("HEAD", "/b-1?versioning=1", "VERSIONING", "GET, PUT"),
        ("HEAD", "/b-1/k?acl=", "ACL", "GET, PUT"),
        ("DELETE", "/b-1/k?acl", "ACL", "GET, PUT"),
        ("POST", "/b-1/k?tagging", "OBJECT_TAGGING", "DELETE, GET, PUT"),
        ("PUT", "/b-1/k?attributes", "OBJECT_ATTRIBUTES", "GET"),
        ("DELETE", "/b-1/k?legal-hold", "OBJECT_LOCK_LEGALHOLD", "GET, PUT"),
        ("PUT", "/b-1/k?uploadId=x", "UPLOAD", "DELETE, POST, GET"),
        ("GET", "/b-1/k?uploadId=x&partNumber=1", "PART", "PUT"),
        ("PUT", "/b-1/k?%61ttributes", "OBJECT_ATTRIBUTES", "GET"),
        // Selectors of the bucket are its own at a key too.
        ("DELETE", "/b-1/k?versioning", "VERSIONING", "GET, PUT"),
    ] {
        let fault = fault(method, target, &NONE).unwrap();
        assert_eq!((fault.status(), fault.code()), (405, "MethodNotAllowed"), "{method} {target}");
        assert_eq!(fault.members(), [("Method", method.to_owned()), ("ResourceType", resource_type.to_owned())], "{method} {target}");
        assert_eq!(fault.headers(), [("Allow", allow.to_owned())], "{method} {target}");
    }
    assert!(fault("GET", "/b-1?torrent", &NONE).unwrap().headers().is_empty());
    assert_eq!(refused("TRACE", "/b-1", &NONE), Some((400, "BadRequest".into(), "An error occurred when parsing the HTTP request.".into())));
}

#[test]
fn selectors_exclude_each_other() {
    for (method, target, names) in [
        ("GET", "/b-1?versioning&acl", "acl, versioning"),
        ("HEAD", "/b-1?location&versioning", "location, versioning"),
        ("PUT", "/b-1/k?tagging&acl=", "acl, tagging"),
        ("GET", "/b-1/k?attributes&versioning", "attributes, versioning"),
        ("GET", "/b-1?uploads&uploadId=x", "uploadId, uploads"),
        ("POST", "/b-1?delete&acl", "acl, delete"),
        ("PUT", "/b-1/k?partNumber=1&tagging", "partNumber, tagging"),
        ("GET", "/b-1?acl&partNumber=1", "acl, partNumber"),
        ("GET", "/b-1/k?acl&annotationName=a", "acl, annotationName"),
    ] {
        let fault = fault(method, target, &NONE).unwrap();
        let message = format!("Conflicting query string parameters: {names}");
        assert_eq!((fault.status(), fault.code(), fault.message()), (400, "InvalidArgument", message.as_str()), "{method} {target}");
        let first = names.split(", ").next().unwrap().to_owned();
        assert_eq!(fault.members(), [("ArgumentName", "ResourceType".to_owned()), ("ArgumentValue", first)]);
    }
    for accepted in ["/b-1?acl&acl", "/b-1?Versioning&ACL", "/b-1/k?x-id=GetObject&foo=bar", "/b-1/k?metrics", "/b-1/k?annotation&annotationName=a"] {
        assert_eq!(refused("GET", accepted, &NONE), None, "{accepted}");
    }
}

#[test]
fn a_selector_of_the_bucket_at_a_key_is_the_buckets() {
    let path = |method: &str, target: &str| {
        let (path, query) = target.split_once('?').unwrap();
        http_hooks().path(&RequestView { head: &head(method, path, query, &NONE), prefix: None, service: None })
    };
    assert_eq!(path("GET", "/b-1/a/k?location").as_deref(), Some("/b-1"));
    assert_eq!(path("PUT", "/b-1/k?logging").as_deref(), Some("/b-1"));
    assert_eq!(path("POST", "/b-1/k?delete").as_deref(), Some("/b-1"));
    for target in ["/b-1/k?tagging", "/b-1/k?acl", "/b-1/k?metrics", "/b-1?location", "/b-1/k?versions", "/b-1/k?location&acl"] {
        assert_eq!(path("GET", target), None, "{target}");
    }
}

#[test]
fn parameters_that_do_not_belong_to_the_path_are_refused() {
    let version = "This operation does not accept a version-id.";
    for (method, target, code, message) in [
        ("GET", "/b-1?partNumber=1", "InvalidRequest", "Object must have a valid key name."),
        ("GET", "/b-1?uploadId=x", "InvalidRequest", "A key must be specified"),
        ("POST", "/b-1?restore", "UserKeyMustBeSpecified", "User key must be specified."),
        ("GET", "/b-1/k?uploads", "InvalidRequest", "Key is not expected for the GET method ?uploads subresource"),
        ("GET", "/b-1/k?versions", "InvalidRequest", "There is no such thing as the ?versions sub-resource for a key"),
        ("GET", "/b-1/k?logging", "NoLoggingStatusForKey", "There is no such thing as the ?logging sub-resource for a key"),
        ("GET", "/b-1/k?annotationName=a", "InvalidArgument", "Unexpected query string parameter"),
        ("PUT", "/b-1/k?partNumber=1", "InvalidArgument", "This operation does not accept partNumber without uploadId"),
        ("PUT", "/b-1/k?partNumber=x&uploadId=y", "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive"),
        ("GET", "/b-1/k?partNumber=%201", "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive"),
        ("GET", "/b-1?website=x", "InvalidArgument", "The website parameter must not have a value"),
        ("GET", "/b-1?versionId=x", "InvalidArgument", version),
        ("DELETE", "/b-1?versionId=null", "InvalidArgument", version),
        ("GET", "/b-1?acl&versionId=x", "InvalidArgument", "Invalid version id specified"),
        ("PUT", "/b-1/k?versionId=null", "InvalidArgument", version),
        ("POST", "/b-1/k?uploads&versionId=null", "InvalidArgument", version),
        ("GET", "/b-1/k?location&versionId=null", "InvalidArgument", version),
        ("GET", "/b-1/k?versionId=", "InvalidArgument", "Version id cannot be the empty string"),
        ("GET", "/b-1?list-type=2&marker=a", "InvalidArgument", "Marker unsupported with REST.GET.BUCKET in list-type=2"),
        ("GET", "/b-1?start-after=", "InvalidArgument", "startAfter only supported in REST.GET.BUCKET with list-type=2"),
        ("GET", "/b-1?continuation-token=a", "InvalidArgument", "continuation-token only supported in REST.GET.BUCKET with list-type=2"),
        ("GET", "/b-1?max-keys=2147483648", "InvalidArgument", "Provided max-keys not an integer or within integer range"),
        ("GET", "/b-1?uploads&max-uploads=+5", "InvalidArgument", "Provided max-uploads not an integer or within integer range"),
        ("GET", "/b-1/k?uploadId=x&max-parts=a", "InvalidArgument", "Provided max-parts not an integer or within integer range"),
        ("GET", "/?max-buckets=0", "InvalidArgument", "Argument max-buckets must be an integer between 1 and 10000"),
        ("GET", "/?bucket-region=moon-1", "InvalidArgument", "Argument value moon-1 is not a valid AWS Region"),
    ] {
        assert_eq!(refused(method, target, &NONE), Some((400, code.into(), message.into())), "{method} {target}");
    }
    let long = format!("/b-1/{}", "%41".repeat(1025));
    assert_eq!(refused("GET", &long, &NONE).unwrap().1, "KeyTooLongError");
    assert_eq!(refused("GET", &long[..long.len() - 3], &NONE), None);
    for accepted in
        ["/b-1?max-keys=05", "/b-1?max-keys=", "/b-1?list-type=2&start-after=a", "/b-1?marker=a", "/b-1/k?partNumber=01", "/b-1/k?versionId=null"]
    {
        assert_eq!(refused("GET", accepted, &NONE), None, "{accepted}");
    }
}

#[test]
fn headers_that_exclude_each_other_are_refused() {
    let crc32 = ("x-amz-checksum-crc32", "y/Q5Jg==");
    let length = ("content-length", "9");
    let put = |headers: Fields| refused("PUT", "/b-1/k", &[vec![length], headers].concat());
    let invalid = |message: &str| Some((400, "InvalidRequest".to_owned(), message.to_owned()));
    assert_eq!(put(vec![("x-amz-checksum-crc7", "AA==")]), invalid("The algorithm type you specified in x-amz-checksum- header is invalid."));
    assert_eq!(
        put(vec![crc32, ("x-amz-checksum-sha1", "AA==")]),
        invalid("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    );
    assert_eq!(put(vec![crc32, ("x-amz-trailer", "x-amz-checksum-crc32")]), invalid("Expecting a single x-amz-checksum- header"));
    assert_eq!(put(vec![("x-amz-checksum-crc32", "bad")]), invalid("Value for x-amz-checksum-crc32 header is invalid."));
    assert_eq!(
        put(vec![("x-amz-sdk-checksum-algorithm", "CRC32")]),
        invalid("x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
    );
    let mismatch = invalid("Value for x-amz-sdk-checksum-algorithm header is invalid.");
    assert_eq!(put(vec![crc32, ("x-amz-sdk-checksum-algorithm", "SHA1")]), mismatch);
    assert_eq!(put(vec![("x-amz-trailer", "x-amz-checksum-crc32"), ("x-amz-sdk-checksum-algorithm", "SHA1")]), mismatch);
    assert_eq!(put(vec![crc32, ("x-amz-sdk-checksum-algorithm", "crc32"), ("x-amz-checksum-algorithm", "CRC32")]), None);
    assert_eq!(
        refused("POST", "/b-1/k?uploadId=x", &vec![length, ("x-amz-mp-object-size", "-1")]),
        invalid("Value for x-amz-mp-object-size header is invalid: '-1'")
    );
    let copy = ("x-amz-copy-source", "b-1/k");
    assert_eq!(put(vec![copy]), invalid("The request included a body. Requests of this type must not include a non-empty body."));
    assert_eq!(refused("PUT", "/b-1/k", &vec![copy, ("content-length", "0")]), None);
    let trailer = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert_eq!(refused("POST", "/b-1?delete", &vec![length, trailer]), invalid("The value of x-amz-content-sha256 header is invalid."));
    assert_eq!(
        refused("GET", "/b-1/k?partNumber=1", &vec![("range", "bytes=0-1")]),
        invalid("Cannot specify both Range header and partNumber query parameter")
    );
    for (method, target, name) in
        [("PUT", "/b-1/k", "if-modified-since"), ("POST", "/b-1/k?uploads", "if-none-match"), ("PUT", "/b-1/k?partNumber=1&uploadId=x", "if-match")]
    {
        assert_eq!(refused(method, target, &vec![length, (name, "x")]).unwrap().0, 501, "{method} {target}");
    }
}

#[test]
fn a_post_to_a_bucket_must_be_a_form() {
    let is_form = |path: &str, query: &str, kind: &'static str| {
        http_hooks().is_form(&RequestView { head: &head("POST", path, query, &vec![("content-type", kind)]), prefix: None, service: None }, path)
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
