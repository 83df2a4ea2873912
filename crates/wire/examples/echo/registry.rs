//! The types of all operations of all services, by name.

use crate::{Outcome, streams::Event};
use cloudlet_shape::{Operation, OperationSchema, OperationVisitor, Read, Reader, ServiceSchema, Shape, Struct, Typed};
use std::collections::BTreeMap;

/// Reads some type of structure.
pub type ReadStruct = fn(&mut dyn Reader) -> Read<Box<dyn Struct>>;

pub struct Row {
    pub schema: &'static OperationSchema,
    pub input: ReadStruct,
    pub output: ReadStruct,
    /// The union of an answer that is a stream of events.
    pub event: Option<Event>,
}

/// By `sqs.SendMessage`.
#[derive(Default)]
pub struct Registry(BTreeMap<String, Row>);

impl OperationVisitor for Registry {
    fn visit<O: Operation>(&mut self) {
        let row = Row { schema: O::SCHEMA, input: shape::<O::Input>, output: shape::<O::Output>, event: None };
        self.0.insert(key(O::SCHEMA.service.name, O::SCHEMA.name), row);
    }
}

fn key(service: &str, operation: &str) -> String {
    format!("{service}.{operation}")
}

fn shape<T: Shape>(reader: &mut dyn Reader) -> Read<Box<dyn Struct>> {
    Ok(Box::new(T::read(reader, <T as Typed>::TARGET)?))
}

impl Registry {
    pub fn new() -> Registry {
        let mut registry = Registry::default();
        cloudlet_api_ec2::each(&mut registry);
        cloudlet_api_ecs::each(&mut registry);
        cloudlet_api_firehose::each(&mut registry);
        cloudlet_api_iam::each(&mut registry);
        cloudlet_api_kms::each(&mut registry);
        cloudlet_api_lambda::each(&mut registry);
        cloudlet_api_logs::each(&mut registry);
        cloudlet_api_organizations::each(&mut registry);
        cloudlet_api_s3::each(&mut registry);
        cloudlet_api_s3control::each(&mut registry);
        cloudlet_api_ses::each(&mut registry);
        cloudlet_api_sesv2::each(&mut registry);
        cloudlet_api_sns::each(&mut registry);
        cloudlet_api_sqs::each(&mut registry);
        cloudlet_api_ssm::each(&mut registry);
        cloudlet_api_states::each(&mut registry);
        cloudlet_api_sts::each(&mut registry);
        registry.streams::<cloudlet_api_lambda::InvokeWithResponseStream, cloudlet_api_lambda::InvokeWithResponseStreamResponseEvent>();
        registry.streams::<cloudlet_api_logs::GetLogObject, cloudlet_api_logs::GetLogObjectResponseStream>();
        registry.streams::<cloudlet_api_logs::StartLiveTail, cloudlet_api_logs::StartLiveTailResponseStream>();
        registry.streams::<cloudlet_api_s3::SelectObjectContent, cloudlet_api_s3::SelectObjectContentEventStream>();
        registry
    }

    /// Says which events an operation answers with: its output names no type for them.
    fn streams<O: Operation, E: Shape>(&mut self) {
        if let Some(row) = self.0.get_mut(&key(O::SCHEMA.service.name, O::SCHEMA.name)) {
            row.event = Some(shape::<E>);
        }
    }

    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.0.values()
    }

    pub fn row(&self, service: &str, operation: &str) -> Outcome<&Row> {
        self.0.get(&key(service, operation)).ok_or_else(|| format!("there is no {operation} of {service}").into())
    }

    pub fn services(&self) -> Vec<&'static ServiceSchema> {
        let mut services: Vec<&'static ServiceSchema> = self.rows().map(|row| row.schema.service).collect();
        services.dedup_by_key(|service| service.name);
        services
    }
}
