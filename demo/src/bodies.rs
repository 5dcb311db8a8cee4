//! Uploads and downloads of any size, streamed both ways: memory stays flat whatever their length.

use aws_lc_rs::digest::{Context, SHA256};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::Query;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::json;
use std::convert::Infallible;

const CHUNK_BYTES: usize = 64 * 1024;

/// The pattern that a download repeats: byte `i` is `i % 251`, restarted every chunk.
static CHUNK: [u8; CHUNK_BYTES] = {
    let mut chunk = [0; CHUNK_BYTES];
    let mut i = 0;
    while i < CHUNK_BYTES {
        #[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "i < CHUNK_BYTES")]
        {
            chunk[i] = (i % 251) as u8;
        }
        i += 1;
    }
    chunk
};

/// `PUT /upload`, `POST /upload`: answers with the length and the SHA-256 of what came.
pub(crate) async fn upload(body: Body) -> Response {
    let mut chunks = body.into_data_stream();
    let mut hash = Context::new(&SHA256);
    let mut bytes: u64 = 0;
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => {
                hash.update(&chunk);
                bytes += chunk.len() as u64;
            }
            Err(error) => {
                let text = format!("the upload broke off after {bytes} bytes: {error}");
                return (StatusCode::BAD_REQUEST, Json(json!({ "error": text }))).into_response();
            }
        }
    }
    let sha256: String = hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Json(json!({ "bytes": bytes, "sha256": sha256 })).into_response()
}

/// The query of `/download`.
#[derive(Deserialize)]
pub(crate) struct Download {
    /// How much to send.
    bytes: u64,
}

/// `GET /download?bytes=N`
pub(crate) async fn download(Query(download): Query<Download>) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, download.bytes.to_string()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let chunks = stream::iter(chunk_lengths(download.bytes))
        .map(|length| Ok::<_, Infallible>(Bytes::from_static(&CHUNK).slice(..length)));
    (headers, Body::from_stream(chunks))
}

/// The lengths of the pieces that `bytes` is sent in.
fn chunk_lengths(bytes: u64) -> impl Iterator<Item = usize> {
    let mut left = bytes;
    std::iter::from_fn(move || {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        left -= length as u64;
        (length > 0).then_some(length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_add_up_and_none_is_empty() {
        for bytes in [0, 1, 65_535, 65_536, 65_537, 1_000_000] {
            let lengths: Vec<usize> = chunk_lengths(bytes).collect();
            assert_eq!(lengths.iter().sum::<usize>() as u64, bytes);
            assert!(lengths.iter().all(|length| (1..=CHUNK_BYTES).contains(length)));
        }
    }
}
