//! A place in the client through which every request goes, after it was serialized and before it is signed:
//! requests are counted there, and one may be changed into what the SDK itself would not send.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use serde_json::Value as Json;

/// Changes the body of a request.
type Change = Box<dyn FnOnce(&mut Json) + Send>;

/// Counts the requests of clients, and changes those that it is told to.
#[derive(Clone, Default)]
pub struct Tap {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    requests: AtomicU64,
    next: Mutex<Option<Change>>,
}

impl Tap {
    /// How many requests went through it.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Changes the body of the next request.
    ///
    /// # Panics
    /// If somebody panicked who was changing one.
    pub fn change_next(&self, change: impl FnOnce(&mut Json) + Send + 'static) {
        *self.shared.next.lock().expect("nobody panicked") = Some(Box::new(change));
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("requests", &self.requests()).finish_non_exhaustive()
    }
}

impl Intercept for Tap {
    fn name(&self) -> &'static str {
        "Tap"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.shared.requests.fetch_add(1, Ordering::SeqCst);
        let change = self.shared.next.lock().expect("nobody panicked").take();
        if let Some(change) = change {
            let request = context.request_mut();
            let bytes = request.body().bytes().ok_or("the body is in memory")?;
            let mut body = serde_json::from_slice(bytes)?;
            change(&mut body);
            let text = body.to_string();
            request.headers_mut().insert("content-length", text.len().to_string());
            *request.body_mut() = text.into();
        }
        Ok(())
    }
}
