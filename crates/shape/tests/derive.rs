//! What `#[derive(Shape)]` makes of a struct.
use cloudlet_shape::{At, Flags, Map, Shape, Struct, Target};

const QUEUE_NAME: Target = Target::text("QueueName").min(1).max(80);

#[derive(Shape, Clone, Default)]
#[shape(name = "CreateQueueRequest")]
struct CreateQueueRequest {
    #[shape(of = QUEUE_NAME)]
    queue_name: String,
    #[shape(name = "tags", query = "Tag", flattened)]
    tags: Option<Map<String>>,
    #[shape(at = header, wire = "x-amz-secret", sensitive)]
    secret: Option<String>,
}

#[test]
fn a_derived_schema_says_where_each_member_travels() {
    let schema = CreateQueueRequest::SCHEMA;
    let [name, tags, secret] = schema.members else { panic!("three members") };
    assert_eq!((name.name, name.required(), name.of.max), ("QueueName", true, Some(80)));
    assert_eq!((tags.name, tags.query, tags.flattened(), tags.required()), ("tags", "Tag", true, false));
    assert_eq!((secret.at, secret.wire, secret.flags.has(Flags::SENSITIVE)), (At::Header, "x-amz-secret", true));
}

#[test]
fn debug_masks_what_is_sensitive_and_leaves_out_what_is_absent() {
    let request = CreateQueueRequest { queue_name: "q".into(), tags: None, secret: Some("hush".into()) };
    assert_eq!(format!("{request:?}"), r#"CreateQueueRequest { QueueName: "q", secret: *** }"#.replace("secret", "Secret"));
    assert!(request.get(1).is_absent());
}

/// Languages need the order of the text, and a crate that is built alone must answer as the whole server does.
#[test]
fn json_objects_keep_the_order_of_their_text() {
    let value: serde_json::Value = serde_json::from_str(r#"{"b":1,"a":{"d":2,"c":3}}"#).unwrap();
    assert_eq!(value.to_string(), r#"{"b":1,"a":{"d":2,"c":3}}"#);
}
