//! The engine in a cloud, with a stopped clock and without HTTP. Each test checks a rule of SQS.

mod attributes;
mod concurrency;
mod consistency;
mod dead_letters;
mod developer_endpoint;
mod encryption;
mod fair_queues;
mod fifo;
mod fixture;
mod move_tasks;
mod permissions;
mod polling;
mod queues;
mod standard;
