//! The server under test, and the SDK's clients that are pointed at it. `SERVER` is the built binary.

use aws_credential_types::Credentials;
use aws_smithy_http_client::Builder;
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

pub struct Server {
    process: Child,
    pub url: String,
}

impl Server {
    /// Starts a server on a free port.
    pub fn start() -> Server {
        let binary = std::env::var("SERVER").expect("SERVER is the built binary");
        let mut command = Command::new(binary);
        command.args(["--port", "0"]).env_clear().stdout(Stdio::piped());
        let mut process = command.spawn().expect("the server starts");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains(" listens on ")).expect("the server listens");
        let address = line.split(" listens on ").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address");
        let url = format!("http://{address}");
        // A full pipe would stop the server.
        std::thread::spawn(move || lines.for_each(drop));
        Server { process, url }
    }

    pub fn s3(&self, secret: &str) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder().endpoint_url(&self.url).region(aws_sdk_s3::config::Region::new("us-east-1"));
        let config = config.credentials_provider(credentials(secret)).http_client(Builder::new().build_http()).force_path_style(true);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::Config::builder().endpoint_url(&self.url).region(aws_sdk_sqs::config::Region::new("us-east-1"));
        let config = config.credentials_provider(credentials("test")).http_client(Builder::new().build_http());
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    pub fn sts(&self) -> aws_sdk_sts::Client {
        let config = aws_sdk_sts::Config::builder().endpoint_url(&self.url).region(aws_sdk_sts::config::Region::new("us-east-1"));
        let config = config.credentials_provider(credentials("test")).http_client(Builder::new().build_http());
        aws_sdk_sts::Client::from_conf(config.build())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn credentials(secret: &str) -> Credentials {
    Credentials::new("test", secret, None, None, "tests")
}
