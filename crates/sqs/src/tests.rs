//! The engine through the cloud, with a stopped clock and no HTTP. Each test says a rule of SQS.

mod attributes;
mod crowd;
mod dead_letters;
mod depth;
mod developer_endpoint;
mod encryption;
mod fair;
mod fifo;
mod fixture;
mod move_tasks;
mod permissions;
mod polling;
mod queues;
mod standard;
