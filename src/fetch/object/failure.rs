//! What a store's refusal means, in the terms of any other mirror.

use std::error::Error;
use std::sync::Arc;

use object_store::Error as StoreError;

use crate::error::escaped;
use crate::fetch::FetchError;

/// An error of ours on its way through the crate.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Carried(Arc<FetchError>);

impl From<FetchError> for Carried {
    fn from(error: FetchError) -> Self {
        Self(Arc::new(error))
    }
}

/// The error of a request about `location`.
pub(super) fn failure(location: &str, error: StoreError) -> FetchError {
    let location = location.to_owned();
    let status = match &error {
        StoreError::NotModified { .. } => 304,
        StoreError::Unauthenticated { .. } => 401,
        StoreError::PermissionDenied { .. } => 403,
        StoreError::NotFound { .. } => 404,
        StoreError::AlreadyExists { .. } => 409,
        StoreError::Precondition { .. } => 412,
        _ => {
            let reason = words(&error);
            let carried =
                causes(&error).find_map(|cause| cause.downcast_ref::<Carried>()).map(|own| Arc::clone(&own.0));
            drop(error);
            let other = FetchError::Transport { location, reason, transient: false };
            return carried.and_then(Arc::into_inner).unwrap_or(other);
        }
    };
    FetchError::Status { location, status, retry_after: None }
}

/// What the store says, on one line.
pub(super) fn words(error: &StoreError) -> String {
    escaped(&error.to_string())
}

fn causes(error: &StoreError) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
