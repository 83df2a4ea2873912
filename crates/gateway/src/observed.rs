//! Answers that a service observes: counted as they are sent, and told when they have ended.

use cloudlet_aws::{Caller, Scope};
use cloudlet_cloud::Cloud;
use cloudlet_engine::{AnswerObserver, Cx, Origin, SentAnswer, Stopwatch};
use std::sync::Arc;

/// An observed request, as far as it is known.
pub struct Observation {
    pub observer: Box<dyn AnswerObserver>,
    pub caller: Caller,
    pub scope: Scope,
    pub origin: Origin,
}

/// Tells the observer when it is dropped with the body of the answer.
pub struct Ending {
    observed: Option<(Observation, SentAnswer)>,
    request_id: Arc<str>,
    cloud: Arc<Cloud>,
    watch: Stopwatch,
}

impl Ending {
    pub fn new(observation: Observation, answer: SentAnswer, request_id: Arc<str>, cloud: Arc<Cloud>, watch: Stopwatch) -> Ending {
        Ending { observed: Some((observation, answer)), request_id, cloud, watch }
    }

    pub fn count(&mut self, bytes: usize) {
        if let Some((_, answer)) = &mut self.observed {
            answer.bytes_sent += bytes as u64;
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some((observation, mut answer)) = self.observed.take() {
            answer.total = self.watch.elapsed();
            let Observation { observer, caller, scope, origin } = observation;
            observer.sent(&Cx::new(self.cloud.runtime.clone(), scope, caller, self.request_id.clone(), origin), &answer);
        }
    }
}
