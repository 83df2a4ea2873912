//! Calls of AWS that documents and sessions make (`cx.call`): they go to the server as requests, in the name of the node's role.

use crate::service::{Request, Service};
use cloudlet_api_kms::Decrypt;
use cloudlet_api_logs::{CreateLogGroup, CreateLogStream, DescribeLogGroups, PutLogEvents};
use cloudlet_api_ssm::{GetDocument, GetParameters, PutInventory};
use cloudlet_aws::Fault;
use cloudlet_engine::{Authorization, Boxed, Call, Dispatcher, Input, Output, Permission, Schedule, ScheduleKey, ServiceEvent};
use cloudlet_shape::{Operation, OperationSchema, Read, Reader, ServiceSchema, Struct};
use cloudlet_wire::{from_json, to_json};
use std::sync::Arc;

pub struct Calls(pub Arc<Service>);

type ReadAnswer = fn(&str) -> Option<Output>;

fn answer<O: Operation>(text: &str) -> Option<Output> {
    from_json::<O::Output>(if text.is_empty() { "{}" } else { text }).ok().map(|output| Box::new(output) as Output)
}

/// The operations of services of JSON that are called.
fn json_operation(operation: &OperationSchema) -> Option<ReadAnswer> {
    fn entry<O: Operation>() -> (&'static OperationSchema, ReadAnswer) {
        (O::SCHEMA, answer::<O>)
    }
    let known = [
        entry::<GetDocument>(),
        entry::<GetParameters>(),
        entry::<PutInventory>(),
        entry::<Decrypt>(),
        entry::<CreateLogGroup>(),
        entry::<CreateLogStream>(),
        entry::<DescribeLogGroups>(),
        entry::<PutLogEvents>(),
    ];
    known.into_iter().find(|(schema, _)| std::ptr::eq(*schema, operation)).map(|(_, read)| read)
}

impl Calls {
    async fn call(&self, call: Call) -> Result<Output, Fault> {
        if let Some(read) = json_operation(call.operation) {
            let service = call.operation.service;
            let target = format!("{}.{}", service.target_prefix, call.operation.name);
            let response = self.0.send(Request::json(service.signing_name, &target, to_json(call.input.as_struct()))).await?;
            let text = String::from_utf8_lossy(&response.body).into_owned();
            return read(&text).ok_or_else(|| Fault::internal(format_args!("{} answered another shape", call.operation.name)));
        }
        match self.0.object_call(call.operation, &call.input).await {
            Some(outcome) => outcome,
            None => Err(Fault::internal(format_args!("an agent does not call {}", call.operation.name))),
        }
    }
}

impl Dispatcher for Calls {
    fn dispatch(&self, call: Call) -> Boxed<'_, Result<Output, Fault>> {
        Box::pin(self.call(call))
    }
    fn schedule(&self, _: Schedule) -> Result<(), Fault> {
        Err(Fault::internal("an agent schedules nothing"))
    }
    fn cancel(&self, _: &ScheduleKey) -> bool {
        false
    }
    fn read(&self, _: &'static OperationSchema, _: &mut dyn Reader) -> Option<Read<Input>> {
        None
    }
    fn read_output(&self, _: &'static OperationSchema, _: &mut dyn Reader) -> Option<Read<Output>> {
        None
    }
    fn services(&self) -> Vec<&'static ServiceSchema> {
        vec![]
    }
    fn is_built(&self, _: &'static OperationSchema) -> bool {
        true
    }
    fn validate(&self, _: &'static OperationSchema, _: &dyn Struct, _: &[String]) -> Result<(), Fault> {
        Ok(())
    }
    fn decide(&self, _: &Authorization, _: &'static OperationSchema, _: &Permission) -> Result<(), Fault> {
        Ok(())
    }
    fn is_observed(&self) -> bool {
        false
    }
    fn emit(&self, _: &ServiceEvent) {}
}
