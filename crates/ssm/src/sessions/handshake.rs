//! The handshake of a session: what the client is to do before anything runs, and the proof that it has the key of an encrypted one.

use super::{
    backend::Ending,
    drive::{Driver, Stage},
    encrypted, transcript,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudlet_session_channel::{Action, Challenge, HandshakeComplete, HandshakeRequest, HandshakeResponse, KmsResult, PayloadKind};

impl Driver {
    pub async fn begin(&mut self) {
        if let Err(why) = transcript::refuse(&self.live).await {
            self.ending = Some(Ending::failed(why));
        } else if self.live.plan.shakes_hands() {
            let plan = &self.live.plan;
            let mut actions = vec![Action::session_type(plan.session_type, plan.properties.clone())];
            let challenge = STANDARD.encode(self.live.runtime.ids.secret_bytes::<16>());
            actions.extend(plan.kms_key().map(|key| Action::kms_encryption(key, &challenge)));
            let request = HandshakeRequest { agent_version: crate::nodes::AGENT_VERSION.to_owned(), requested_client_actions: actions };
            self.set_stage(Stage::Asked { challenge });
            self.send_json(PayloadKind::HandshakeRequest, &request).await;
        } else {
            self.run_backend().await;
        }
    }

    pub async fn take_response(&mut self, payload: &[u8], challenge: &str) {
        let response = serde_json::from_slice::<HandshakeResponse>(payload).unwrap_or_default();
        if !response.client_version.is_empty() {
            self.client_version.clone_from(&response.client_version);
        }
        for action in &response.processed_client_actions {
            if action.action_status != 1 {
                let why = format!("{} failed on client with status {} error: {}", action.action_type, action.action_status, action.error);
                self.ending = Some(Ending::failed(why));
                return;
            }
        }
        if self.live.plan.kms_key().is_none() {
            return self.complete().await;
        }
        let result = response.processed_client_actions.into_iter().find(|action| action.action_type == "KMSEncryption");
        let result = result.and_then(|action| serde_json::from_value::<KmsResult>(action.action_result).ok()).unwrap_or_default();
        match encrypted::cipher(&self.live, &result, challenge).await {
            Ok(mut cipher) => {
                let secret = Bytes::copy_from_slice(&self.live.runtime.ids.secret_bytes::<64>());
                let sealed = STANDARD.encode(cipher.encrypt(&secret));
                self.cipher = Some(cipher);
                self.set_stage(Stage::Challenged { secret });
                self.send_json(PayloadKind::ChallengeRequest, &Challenge { challenge: sealed }).await;
            }
            Err(why) => self.ending = Some(Ending::failed(why)),
        }
    }

    pub async fn take_proof(&mut self, payload: &[u8], secret: &[u8]) {
        let answer = serde_json::from_slice::<Challenge>(payload).ok().and_then(|answer| STANDARD.decode(answer.challenge).ok());
        let opened = answer.zip(self.cipher.as_ref()).and_then(|(answer, cipher)| cipher.decrypt(&answer).ok());
        if opened.is_some_and(|opened| opened == secret) {
            self.complete().await;
        } else {
            self.ending = Some(Ending::failed("Encryption challenge does not match!"));
        }
    }

    async fn complete(&mut self) {
        let message = if self.cipher.is_some() { "This session is encrypted using AWS KMS." } else { "" };
        let took = i64::try_from((self.stopwatch.elapsed() - self.stage_began).as_nanos()).unwrap_or(i64::MAX);
        let complete = HandshakeComplete { handshake_time_to_complete: took, customer_message: message.to_owned() };
        self.send_json(PayloadKind::HandshakeComplete, &complete).await;
        self.flush().await;
        self.run_backend().await;
    }
}
