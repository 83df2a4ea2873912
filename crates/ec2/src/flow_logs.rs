//! Flow logs to S3 and to CloudWatch Logs: their configuration, and the records that packets make.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3.html>

use crate::{
    client_tokens::ClientToken,
    describing::describes,
    engine::Ec2,
    faults::{self, refuse},
    limits, permissions,
    rows::{FlowLog, Interface, Subnet, Vpc},
    state::{At, FilterOf, Kind, Resource, State, in_table},
    tags,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_ec2::{self as api, CreateFlowLogs, DeleteFlowLogs, DescribeFlowLogs};
use cloudlet_api_logs::{
    CreateLogGroup, CreateLogGroupRequest, CreateLogStream, CreateLogStreamRequest, InputLogEvent, PutLogEvents, PutLogEventsRequest,
};
use cloudlet_api_s3::{
    GetBucketPolicy, GetBucketPolicyRequest, HeadBucket, HeadBucketRequest, PutBucketPolicy, PutBucketPolicyRequest, PutObject, PutObjectRequest,
};
use cloudlet_aws::{Arn, Caller, Fault, Scope, Timestamp};
use cloudlet_engine::{Cx, fingerprint::Fingerprint, handler, roles};
use cloudlet_reach::{Direction, Record};
use cloudlet_shape::Body;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::{collections::BTreeMap, io::Write};

/// Who delivers.
const PRINCIPAL: &str = "delivery.logs.amazonaws.com";
/// Who puts records into log groups, under a role that trusts it.
const LOGS_PRINCIPAL: &str = "vpc-flow-logs.amazonaws.com";
pub const DEFAULT_FORMAT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

/// The fields of records: <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>.
const FIELDS: [&str; 29] = [
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
    "vpc-id",
    "subnet-id",
    "instance-id",
    "tcp-flags",
    "type",
    "pkt-srcaddr",
    "pkt-dstaddr",
    "region",
    "az-id",
    "sublocation-type",
    "sublocation-id",
    "pkt-src-aws-service",
    "pkt-dst-aws-service",
    "flow-direction",
    "traffic-path",
];

impl Resource for FlowLog {
    const KIND: Kind = Kind {
        prefix: "fl",
        name: "vpc-flow-log",
        missing: "InvalidFlowLogId.NotFound",
        says: ("These flow log ids in the input list are not found: [TotalCount: 1] ", ""),
        malformed: "InvalidFlowLogId.Malformed",
    };
    const FILTERS: &'static [FilterOf<FlowLog>] = &[
        ("deliver-log-status", |log, _| vec![if log.failure.is_some() { "FAILED" } else { "SUCCESS" }.to_owned()]),
        ("log-destination-type", |log, _| vec![log.destination_type.clone()]),
        ("flow-log-id", |_, at| vec![at.id.to_owned()]),
        ("log-group-name", |log, _| log.log_group.iter().cloned().collect()),
        ("resource-id", |log, _| vec![log.resource.clone()]),
        ("traffic-type", |log, _| vec![log.traffic.clone()]),
    ];
    type Shown = api::FlowLog;

    in_table!(flow_logs, FlowLog);

    fn shown(&self, at: &At<'_>) -> api::FlowLog {
        api::FlowLog {
            flow_log_id: Some(at.id.to_owned()),
            flow_log_status: Some("ACTIVE".to_owned()),
            creation_time: Some(self.made),
            deliver_logs_status: Some(if self.failure.is_some() { "FAILED" } else { "SUCCESS" }.to_owned()),
            deliver_logs_error_message: self.failure.clone(),
            resource_id: Some(self.resource.clone()),
            traffic_type: Some(self.traffic.clone()),
            log_destination_type: Some(self.destination_type.clone()),
            log_destination: (!self.destination.is_empty()).then(|| self.destination.clone()),
            log_group_name: self.log_group.clone(),
            deliver_logs_permission_arn: self.role.clone(),
            log_format: Some(self.format.clone()),
            max_aggregation_interval: Some(self.interval),
            destination_options: (self.destination_type == "s3").then(|| api::DestinationOptionsResponse {
                file_format: Some("plain-text".to_owned()),
                hive_compatible_partitions: Some(self.hive),
                per_hour_partition: Some(self.per_hour),
            }),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
            ..Default::default()
        }
    }
}

fn invalid(message: impl Into<String>) -> Fault {
    refuse("InvalidParameter", message)
}

/// The names of the fields of a format.
fn fields(format: &str) -> Result<Vec<String>, Fault> {
    // AWS: unverified wording.
    let unknown = |what: &str| invalid(format!("Unknown fields provided: {what}"));
    let read = |word: &str| {
        let name = word.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).ok_or_else(|| unknown(word))?;
        if FIELDS.contains(&name) { Ok(name.to_owned()) } else { Err(unknown(name)) }
    };
    format.split_whitespace().map(read).collect()
}

/// The bucket and the folder of a destination.
fn bucket_of(destination: &str) -> Option<(String, String)> {
    let arn = Arn::parse(destination).filter(|arn| arn.service() == "s3")?;
    let (bucket, folder) = arn.resource().split_once('/').unwrap_or((arn.resource(), ""));
    (!bucket.is_empty()).then(|| (bucket.to_owned(), folder.trim_end_matches('/').to_owned()))
}

fn log_group_of(kind: &str) -> &'static str {
    match kind {
        "VPC" => "vpc",
        "Subnet" => "subnet",
        "NetworkInterface" => "network-interface",
        _ => "*",
    }
}

/// Lets the log delivery service write, where the caller owns the bucket and may change its policy, as AWS does.
async fn allow_delivery(cx: &Cx, bucket: &str, folder: &str) -> Result<(), Fault> {
    let partition = cx.scope.partition();
    let account = cx.scope.account.to_string();
    let source = json!({"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": format!("arn:{partition}:logs:{}:{account}:*", cx.scope.region)}});
    let path = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let statements = [
        json!({"Sid": "AWSLogDeliveryWrite", "Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "s3:PutObject",
            "Resource": format!("arn:{partition}:s3:::{bucket}/{path}AWSLogs/{account}/*"), "Condition": source}),
        json!({"Sid": "AWSLogDeliveryAclCheck", "Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "s3:GetBucketAcl",
            "Resource": format!("arn:{partition}:s3:::{bucket}"), "Condition": source}),
    ];
    let request = GetBucketPolicyRequest { bucket: bucket.to_owned(), ..Default::default() };
    let known = cx.forward::<GetBucketPolicy>("vpc-flow-logs.amazonaws.com", cx.scope.clone(), request).await;
    let mut policy: Value = match known {
        Ok(found) => found.policy.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| json!({})),
        Err(fault) if fault.code() == "NoSuchBucketPolicy" => json!({}),
        Err(fault) => return Err(fault),
    };
    let mut all: Vec<Value> = match policy.get_mut("Statement").map(Value::take) {
        Some(Value::Array(all)) => all,
        Some(one @ Value::Object(_)) => vec![one],
        _ => vec![],
    };
    let number = all.len();
    for mut statement in statements {
        let same = |known: &Value| ["Principal", "Action", "Resource", "Condition"].iter().all(|name| known.get(name) == statement.get(name));
        if all.iter().any(same) {
            continue;
        }
        // No two statements of a policy have one id.
        let id = statement.get("Sid").and_then(Value::as_str).unwrap_or_default().to_owned();
        if all.iter().any(|known| known.get("Sid").and_then(Value::as_str) == Some(id.as_str()))
            && let Some(sid) = statement.get_mut("Sid")
        {
            *sid = Value::from(format!("{id}{number}"));
        }
        all.push(statement);
    }
    if all.len() == number {
        return Ok(());
    }
    let policy = json!({"Version": "2012-10-17", "Statement": all}).to_string();
    let request = PutBucketPolicyRequest { bucket: bucket.to_owned(), policy, ..Default::default() };
    cx.forward::<PutBucketPolicy>("vpc-flow-logs.amazonaws.com", cx.scope.clone(), request).await.map(drop)
}

handler!(
    Ec2,
    CreateFlowLogs,
    |ec2, cx, input| {
        let mut all = permissions::create::<CreateFlowLogs>(cx, "vpc-flow-log", tags::requested(input.tag_specifications.as_ref()));
        let kind = log_group_of(&input.resource_type);
        let on = input.resource_ids.iter().map(|id| cloudlet_engine::Permission::of::<CreateFlowLogs>(permissions::arn(&cx.scope, kind, id)));
        all.extend(on.map(|permission| permission.with_key("ec2:Region", cx.scope.region.as_str())));
        let role = input.deliver_logs_permission_arn.as_deref().and_then(Arn::parse);
        all.extend(role.map(|role| roles::pass_role(role, LOGS_PRINCIPAL, None)));
        Ok(all)
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<CreateFlowLogs>(cx, &input, input.client_token.as_deref())?;
        let kind = input.log_destination_type.clone().unwrap_or_else(|| "cloud-watch-logs".to_owned());
        match (&input.log_group_name, &input.log_destination) {
            (Some(_), Some(_)) => return Err(invalid("Please only provide LogGroupName or only provide LogDestination.")),
            (Some(_), None) if kind != "cloud-watch-logs" => {
                return Err(invalid("LogDestination type must be cloud-watch-logs if LogGroupName is provided."));
            }
            (None, None) => return Err(invalid("LogDestination can't be empty if LogGroupName is not provided.")),
            _ => {}
        }
        if !matches!(kind.as_str(), "s3" | "cloud-watch-logs")
            || input.deliver_cross_account_role.is_some()
            || input.tag_field_specifications.as_ref().is_some_and(|fields| !fields.is_empty())
        {
            return Err(faults::not_implemented("flow logs to Firehose and other accounts, and with tags in their records"));
        }
        let options = input.destination_options.unwrap_or_default();
        if options.file_format.as_deref().is_some_and(|format| format != "plain-text") {
            return Err(faults::not_implemented("flow logs in Parquet"));
        }
        let tags = tags::of_new(input.tag_specifications.as_ref(), "vpc-flow-log")?;
        let traffic = input.traffic_type.ok_or_else(|| faults::missing("TrafficType"))?;
        if !matches!(traffic.as_str(), "ALL" | "ACCEPT" | "REJECT") {
            return Err(faults::invalid_value(format!("Value ({traffic}) for parameter TrafficType is invalid.")));
        }
        let interval = input.max_aggregation_interval.unwrap_or(600);
        if !matches!(interval, 60 | 600) {
            return Err(invalid("Invalid MaxAggregationInterval"));
        }
        let format = input.log_format.unwrap_or_else(|| DEFAULT_FORMAT.to_owned());
        fields(&format)?;
        let (mut log_group, role) = (input.log_group_name, input.deliver_logs_permission_arn);
        let mut destination = input.log_destination.unwrap_or_default();
        if kind == "cloud-watch-logs" {
            if role.as_deref().and_then(Arn::parse).is_none() {
                return Err(invalid("DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."));
            }
            if log_group.is_none() {
                let name =
                    Arn::parse(&destination).and_then(|arn| Some(arn.resource().strip_prefix("log-group:")?.trim_end_matches(":*").to_owned()));
                // AWS: unverified wording.
                log_group = Some(name.ok_or_else(|| invalid(format!("LogDestination: {destination} is not a valid log group ARN")))?);
            }
            destination.clear();
        }
        let is_s3 = kind == "s3";
        // AWS: unverified wording.
        let of_bucket = if is_s3 { bucket_of(&destination) } else { Some(Default::default()) };
        let (bucket, folder) = of_bucket.ok_or_else(|| invalid(format!("LogDestination: {destination} is not a valid bucket ARN")))?;
        if folder.split('/').any(|part| part == "AWSLogs") {
            return Err(invalid(format!("LogDestination: {destination} - AWSLogs is a reserved keyword")));
        }
        if input.resource_ids.len() > limits::LOGGED {
            // AWS: unverified wording.
            return Err(faults::invalid_value(format!(
                "Value ({}) for parameter resourceIds is invalid. No more than {} resources are logged by one request.",
                input.resource_ids.len(),
                limits::LOGGED
            )));
        }
        ec2.store.read(|state| input.resource_ids.iter().try_for_each(|id| check_resource(state, cx, &input.resource_type, id)))?;
        if input.resource_ids.is_empty() {
            return Err(faults::missing("ResourceId"));
        }
        let request = HeadBucketRequest { bucket: bucket.clone(), ..Default::default() };
        let root = Caller::root(cx.scope.account, cx.scope.partition(), None);
        // Whether it is there; AWS's own look, not the caller's.
        let is_there = !is_s3
            || match cx.call::<HeadBucket>(root, cx.scope.clone(), request).await {
                Ok(_) => true,
                Err(fault) => fault.status() != 404,
            };
        let failure = match is_there {
            false => Some(format!("LogDestination: {bucket} does not exist")),
            true if !is_s3 => None,
            true => match allow_delivery(cx, &bucket, &folder).await {
                Ok(()) => None,
                Err(_) if can_deliver(cx, &bucket, &folder).await => None,
                Err(_) => Some(format!("Access Denied for LogDestination: {bucket}. Please check LogDestination permission")),
            },
        };
        // AWS: without one, the same for the same resources (recorded).
        let given = input.client_token.filter(|given| !given.is_empty());
        let shown_token = given.unwrap_or_else(|| {
            let texts: Vec<&str> = [cx.scope.account.as_str(), &traffic].into_iter().chain(input.resource_ids.iter().map(String::as_str)).collect();
            STANDARD.encode(Fingerprint::of_texts(&texts).as_bytes())
        });
        let mut result = api::CreateFlowLogsResult { client_token: Some(shown_token), flow_log_ids: Some(vec![]), unsuccessful: Some(vec![]) };
        ec2.store.write(|state| {
            if let Some(made) = token.known(state, cx)? {
                result.flow_log_ids = Some(made.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect());
                return Ok(result);
            }
            for resource in input.resource_ids {
                let log = FlowLog {
                    resource: resource.clone(),
                    traffic: traffic.clone(),
                    destination_type: kind.clone(),
                    destination: destination.clone(),
                    log_group: log_group.clone(),
                    role: role.clone(),
                    format: format.clone(),
                    interval,
                    made: cx.now,
                    hive: options.hive_compatible_partitions.unwrap_or_default(),
                    per_hour: options.per_hour_partition.unwrap_or_default(),
                    failure: None,
                };
                let same = |known: &FlowLog| {
                    known.resource == resource
                        && known.destination == log.destination
                        && known.log_group == log.log_group
                        && known.traffic == traffic
                        && known.format == format
                };
                let error = match &failure {
                    Some(message) => Some(("400", message.clone())),
                    None if state.all::<FlowLog>(&cx.scope).any(|(_, known)| same(known)) => {
                        let message = "Error. There is an existing Flow Log with the same configuration and log destination.";
                        Some(("FlowLogAlreadyExists", message.to_owned()))
                    }
                    None => None,
                };
                match error {
                    Some((code, message)) => {
                        let error = api::UnsuccessfulItemError { code: Some(code.to_owned()), message: Some(message) };
                        result.unsuccessful.get_or_insert_default().push(api::UnsuccessfulItem { error: Some(error), resource_id: Some(resource) });
                    }
                    None => {
                        let id = state.add(&cx.scope, cx.ids(), log, tags.clone());
                        result.flow_log_ids.get_or_insert_default().push(id);
                    }
                }
            }
            token.remember(state, cx, &result.flow_log_ids.iter().flatten().cloned().collect::<Vec<_>>().join(","));
            Ok(result)
        })
    }
);

/// Whether the bucket's own policy lets the service write already: it writes the file that AWS writes for a test.
async fn can_deliver(cx: &Cx, bucket: &str, folder: &str) -> bool {
    let path = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let key = format!("{path}AWSLogs/{}/vpcflowlogs/test", cx.scope.account);
    put(cx, bucket, key, Vec::new()).await.is_ok()
}

async fn put(cx: &Cx, bucket: &str, key: String, bytes: Vec<u8>) -> Result<(), Fault> {
    let source = Arn::new("logs", &cx.scope, "*");
    let caller = Caller { account: Some(cx.scope.account), ..Caller::service(PRINCIPAL, Some(source)) };
    let request = PutObjectRequest { bucket: bucket.to_owned(), key, body: Some(Body::whole(bytes)), ..Default::default() };
    cx.call::<PutObject>(caller, cx.scope.clone(), request).await.map(drop)
}

fn check_resource(state: &State, cx: &Cx, kind: &str, id: &str) -> Result<(), Fault> {
    match kind {
        "VPC" => state.find::<Vpc>(&cx.scope, id).map(drop),
        "Subnet" => state.find::<Subnet>(&cx.scope, id).map(drop),
        "NetworkInterface" => state.find::<Interface>(&cx.scope, id).map(drop),
        "TransitGateway" | "TransitGatewayAttachment" | "RegionalNatGateway" => {
            Err(faults::not_implemented("flow logs of transit and regional NAT gateways"))
        }
        other => Err(faults::invalid_value(format!("Value ({other}) for parameter ResourceType is invalid."))),
    }
}

describes!(DescribeFlowLogs, FlowLog, flow_log_ids, filter, DescribeFlowLogsResult { flow_logs }, 1, 1_000);

handler!(
    Ec2,
    DeleteFlowLogs,
    |ec2, cx, input| {
        let all: cloudlet_engine::Permissions = input.flow_log_ids.iter().map(|id| ec2.on::<DeleteFlowLogs, FlowLog>(cx, id)).collect();
        Ok(if all.is_empty() { permissions::describe::<DeleteFlowLogs>(cx) } else { all })
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let missing: Vec<&str> =
                input.flow_log_ids.iter().filter(|id| state.get::<FlowLog>(&cx.scope, id).is_none()).map(String::as_str).collect();
            if !missing.is_empty() {
                let message = format!("These flow log ids in the input list are not found: [TotalCount: {}] {}", missing.len(), missing.join(" "));
                return Err(refuse("InvalidFlowLogId.NotFound", message));
            }
            input.flow_log_ids.iter().for_each(|id| drop(state.remove::<FlowLog>(&cx.scope, id)));
            Ok(api::DeleteFlowLogsResult { unsuccessful: Some(vec![]) })
        })
    }
);

/// A record as one line.
fn line(fields: &[String], record: &Record, scope: &Scope, state: &State, now: Timestamp) -> String {
    let row = state.get::<Interface>(scope, &record.interface);
    let seconds = now.0 / 1_000;
    let is_icmp = record.flow.is_icmp();
    let value = |field: &String| match field.as_str() {
        "version" => "2".to_owned(),
        "account-id" => scope.account.to_string(),
        "interface-id" => record.interface.clone(),
        "srcaddr" | "pkt-srcaddr" => record.flow.source.to_string(),
        "dstaddr" | "pkt-dstaddr" => record.flow.destination.to_string(),
        "srcport" if is_icmp => "0".to_owned(),
        "dstport" if is_icmp => "0".to_owned(),
        "srcport" => record.flow.source_port.to_string(),
        "dstport" => record.flow.destination_port.to_string(),
        "protocol" => record.flow.protocol.to_string(),
        "packets" => "1".to_owned(),
        "bytes" => record.bytes.to_string(),
        "start" | "end" => seconds.to_string(),
        "action" => if record.accepted { "ACCEPT" } else { "REJECT" }.to_owned(),
        "log-status" => "OK".to_owned(),
        "vpc-id" => record.vpc.clone(),
        "subnet-id" => record.subnet.clone(),
        "instance-id" => row.and_then(|row| row.attachment.as_ref()).and_then(|of| of.instance.clone()).unwrap_or_else(|| "-".to_owned()),
        "tcp-flags" => if record.flow.protocol == 6 { "2" } else { "0" }.to_owned(),
        "type" => if record.flow.source.is_ipv4() { "IPv4" } else { "IPv6" }.to_owned(),
        "region" => scope.region.to_string(),
        "az-id" => {
            let zone = state.get::<Subnet>(scope, &record.subnet).and_then(|subnet| crate::zones::id_of(scope.region.as_str(), &subnet.zone));
            zone.unwrap_or_else(|| "-".to_owned())
        }
        "flow-direction" => if record.direction == Direction::Ingress { "ingress" } else { "egress" }.to_owned(),
        _ => "-".to_owned(),
    };
    fields.iter().map(value).collect::<Vec<_>>().join(" ")
}

/// Writes the files of all flow logs that records belong to, and says which objects they are.
pub async fn deliver(ec2: &Ec2, cx: &Cx, records: &[Record]) -> Result<Vec<String>, Fault> {
    let files = ec2.store.read(|state| {
        let mut files = Vec::new();
        for (id, log) in state.all::<FlowLog>(&cx.scope) {
            let fields = fields(&log.format).unwrap_or_default();
            let is_of = |record: &&Record| {
                let of_resource = [&record.interface, &record.subnet, &record.vpc].contains(&&log.resource);
                let of_traffic = match log.traffic.as_str() {
                    "ACCEPT" => record.accepted,
                    "REJECT" => !record.accepted,
                    _ => true,
                };
                of_resource && of_traffic
            };
            let lines: Vec<String> = records.iter().filter(is_of).map(|record| line(&fields, record, &cx.scope, state, cx.now)).collect();
            if !lines.is_empty() {
                let of_interface = records.iter().filter(is_of).map(|record| record.interface.clone());
                let lines: Vec<(String, String)> = of_interface.zip(lines).collect();
                files.push((id.to_owned(), log.clone(), fields.join(" "), lines));
            }
        }
        files
    });
    let mut written = Vec::new();
    for (id, log, head, lines) in files {
        let outcome = match (&log.log_group, &log.role) {
            (Some(group), Some(role)) => put_events(cx, &id, group, role, &log.traffic, lines).await,
            _ => put_file(cx, &id, &log, &head, &lines).await,
        };
        let failure = outcome.as_ref().err().map(|_| "Access error".to_owned());
        if failure != log.failure {
            ec2.store.write(|state| {
                if let Ok(row) = state.find_mut::<FlowLog>(&cx.scope, &id) {
                    row.failure = failure;
                }
                Ok::<(), Fault>(())
            })?;
        }
        written.extend(outcome.unwrap_or_default());
    }
    Ok(written)
}

/// A file in the bucket, and its address.
async fn put_file(cx: &Cx, id: &str, log: &FlowLog, head: &str, lines: &[(String, String)]) -> Result<Vec<String>, Fault> {
    let Some((bucket, folder)) = bucket_of(&log.destination) else { return Ok(vec![]) };
    let key = object_key(cx, id, log, &folder);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let text: String = std::iter::once(head).chain(lines.iter().map(|(_, line)| line.as_str())).flat_map(|line| [line, "\n"]).collect();
    let bytes = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).map_err(Fault::internal)?;
    put(cx, &bucket, key.clone(), bytes).await?;
    Ok(vec![format!("s3://{bucket}/{key}")])
}

/// Events in the log group, a stream for each interface, under the role of the flow log. AWS makes the group where there is none.
async fn put_events(cx: &Cx, id: &str, group: &str, role: &str, traffic: &str, lines: Vec<(String, String)>) -> Result<Vec<String>, Fault> {
    let role = Arn::parse(role).ok_or_else(|| invalid("the role of the flow log is no ARN"))?;
    let source = permissions::arn(&cx.scope, "vpc-flow-log", id);
    let session = roles::assume_role(cx, &role, "vpc-flow-logs", LOGS_PRINCIPAL, &source).await?;
    let exists = |fault: &Fault| fault.code() == "ResourceAlreadyExistsException";
    let mut streams: BTreeMap<String, Vec<InputLogEvent>> = BTreeMap::new();
    for (interface, line) in lines {
        streams.entry(format!("{interface}-{}", traffic.to_lowercase())).or_default().push(InputLogEvent { timestamp: cx.now.0, message: line });
    }
    let create = CreateLogGroupRequest { log_group_name: group.to_owned(), ..Default::default() };
    let made = cx.call::<CreateLogGroup>(session.caller.clone(), cx.scope.clone(), create).await;
    made.map(drop).or_else(|fault| if exists(&fault) { Ok(()) } else { Err(fault) })?;
    let mut written = Vec::new();
    for (stream, events) in streams {
        let create = CreateLogStreamRequest { log_group_name: group.to_owned(), log_stream_name: stream.clone() };
        let made = cx.call::<CreateLogStream>(session.caller.clone(), cx.scope.clone(), create).await;
        made.map(drop).or_else(|fault| if exists(&fault) { Ok(()) } else { Err(fault) })?;
        written.push(format!("{group}/{stream}"));
        let request = PutLogEventsRequest { log_group_name: group.to_owned(), log_stream_name: stream, log_events: events, ..Default::default() };
        cx.call::<PutLogEvents>(session.caller.clone(), cx.scope.clone(), request).await?;
    }
    Ok(written)
}

fn object_key(cx: &Cx, id: &str, log: &FlowLog, folder: &str) -> String {
    let (account, region) = (cx.scope.account, &cx.scope.region);
    // `20261129T123456Z`
    let time = cx.now.basic();
    let part = |from: usize, to: usize| time.get(from..to).unwrap_or_default().to_owned();
    let (year, month, day, hour) = (part(0, 4), part(4, 6), part(6, 8), part(9, 11));
    let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let days = match log.hive {
        true => format!("AWSLogs/aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}/year={year}/month={month}/day={day}/"),
        false => format!("AWSLogs/{account}/vpcflowlogs/{region}/{year}/{month}/{day}/"),
    };
    let hours = match (log.per_hour, log.hive) {
        (true, true) => format!("hour={hour}/"),
        (true, false) => format!("{hour}/"),
        (false, _) => String::new(),
    };
    format!("{folder}{days}{hours}{account}_vpcflowlogs_{region}_{id}_{}T{}Z_{}.log.gz", part(0, 8), part(9, 13), cx.ids().hex(8))
}
