//! Parameter Store: reading a value, plain and decrypted; a page of a path with 100,000 parameters, at its start, in its middle and at its end.

use crate::{
    client::Connection,
    messaging::prepare,
    request::Signed,
    scenario::{Bench, CONNECTIONS, many},
};
use std::{cell::Cell, rc::Rc, time::Instant};

const PARAMETERS: usize = 100_000;
const PAGE: usize = 10;

fn call(ssm: &Signed, operation: &str, body: &str) -> Vec<u8> {
    ssm.json_1_1(&format!("AmazonSSM.{operation}"), body)
}

impl Bench<'_> {
    pub async fn parameters(&self, host: &str) {
        let ssm = Signed::new(host, "ssm");
        for (name, kind) in [("/bench/plain", "String"), ("/bench/secret", "SecureString")] {
            let body = format!(r#"{{"Name":"{name}","Type":"{kind}","Value":"a value"}}"#);
            prepare(self.server.address, &call(&ssm, "PutParameter", &body)).await;
        }
        self.compare("SSM GetParameter", call(&ssm, "GetParameter", r#"{"Name":"/bench/plain"}"#)).await;
        self.compare("SSM GetParameter, secret", call(&ssm, "GetParameter", r#"{"Name":"/bench/secret","WithDecryption":true}"#)).await;
        self.pages(host).await;
    }

    async fn pages(&self, host: &str) {
        let name = "SSM GetParametersByPath";
        if !self.includes(name) {
            return;
        }
        self.fill(host).await;
        println!("{PARAMETERS} parameters; memory  {:>9.0} MB", self.server.resident() as f64 / 1e6);
        let ssm = Signed::new(host, "ssm");
        let mut connection = Connection::open(self.server.address).await;
        let pages = PARAMETERS / PAGE;
        let mut token = String::new();
        for page in 0..pages {
            let request = call(&ssm, "GetParametersByPath", &format!(r#"{{"Path":"/pages"{token}}}"#));
            let place = [(0, "start"), (pages / 2, "middle"), (pages - 1, "end")].into_iter().find(|(at, _)| *at == page);
            if let Some((_, place)) = place {
                let mut times = Vec::new();
                for _ in 0..51 {
                    let began = Instant::now();
                    connection.call(&request).await;
                    times.push(began.elapsed());
                }
                times.sort();
                println!("page at the {place:<10}     {:>9.3} ms (median)", times[25].as_secs_f64() * 1e3);
                self.compare_turns(&format!("{name}, {place}"), &request, many(&request)).await;
                connection = Connection::open(self.server.address).await;
            }
            let answer = String::from_utf8_lossy(connection.call(&request).await).into_owned();
            let next = answer.split_once(r#""NextToken":""#).and_then(|(_, rest)| rest.split_once('"'));
            assert_eq!(next.is_some(), page + 1 < pages, "page {page}");
            token = next.map(|(next, _)| format!(r#","NextToken":"{next}""#)).unwrap_or_default();
        }
    }

    /// Puts the parameters of the path, over all connections.
    async fn fill(&self, host: &str) {
        let (local, left) = (tokio::task::LocalSet::new(), Rc::new(Cell::new(PARAMETERS)));
        local
            .run_until(async {
                let mut set = tokio::task::JoinSet::new();
                for _ in 0..CONNECTIONS {
                    let (ssm, left, address) = (Signed::new(host, "ssm"), left.clone(), self.server.address);
                    set.spawn_local(async move {
                        let mut connection = Connection::open(address).await;
                        while let Some(number) = left.get().checked_sub(1) {
                            left.set(number);
                            let body = format!(r#"{{"Name":"/pages/{number:06}","Type":"String","Value":"a value","Tier":"Advanced"}}"#);
                            connection.call(&call(&ssm, "PutParameter", &body)).await;
                        }
                    });
                }
                while let Some(done) = set.join_next().await {
                    done.expect("a worker");
                }
            })
            .await;
    }
}
