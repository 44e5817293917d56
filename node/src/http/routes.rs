use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use etl_api::model::HealthReport;
use etl_telemetry::Telemetry;
use futures::future::BoxFuture;
use serde_json::json;

use crate::secrets::redacted;

/// What there is to tell.
pub(crate) trait Told: Send + Sync + 'static {
    /// What counts.
    fn telemetry(&self) -> &Telemetry;

    /// Why work should not be sent here; `None` when it may.
    fn unready(&self) -> Option<String>;

    /// How everything is that is known here.
    fn health(&self) -> BoxFuture<'static, HealthReport>;
}

/// `/metrics`, `/healthz`, `/readyz` and `/health`.
pub(crate) fn routes(told: Arc<dyn Told>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/health", get(health))
        .with_state(told)
}

async fn metrics(State(told): State<Arc<dyn Told>>) -> Response {
    let telemetry = told.telemetry().clone();
    // It reads files.
    match tokio::task::spawn_blocking(move || telemetry.metrics()).await {
        Ok(Ok(text)) => {
            let text = redacted(&text).into_owned();
            ([(header::CONTENT_TYPE, Telemetry::CONTENT_TYPE)], text).into_response()
        }
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        Err(defect) => (StatusCode::INTERNAL_SERVER_ERROR, defect.to_string()).into_response(),
    }
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(told): State<Arc<dyn Told>>) -> Response {
    match told.unready() {
        None => Json(json!({ "ready": true })).into_response(),
        Some(why) => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "ready": false, "why": redacted(&why) })))
                .into_response()
        }
    }
}

async fn health(State(told): State<Arc<dyn Told>>) -> Response {
    let mut report = told.health().await;
    for check in &mut report.checks {
        check.details = redacted(&check.details).into_owned();
    }
    let is_unhealthy = report.status == etl_api::model::HealthStatus::Unhealthy;
    let status = if is_unhealthy { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(report)).into_response()
}
