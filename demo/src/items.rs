//! `/api/items`: a shelf of books in memory that can be read and written.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// More books than this are refused with 507, so that the demo cannot be filled up.
const BOOKS_MAX: usize = 1000;

/// What a client sends to add a book.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Book {
    title: String,
    author: String,
    price_cents: u32,
}

#[derive(Clone, Serialize)]
struct Item {
    id: u32,
    #[serde(flatten)]
    book: Book,
}

/// All books; shared by all connections.
#[derive(Clone)]
pub(crate) struct Shelf(Arc<Mutex<Books>>);

struct Books {
    next_id: u32,
    by_id: BTreeMap<u32, Item>,
}

impl Shelf {
    /// A shelf with a few books on it.
    pub(crate) fn stocked() -> Self {
        let shelf = Self(Arc::new(Mutex::new(Books { next_id: 1, by_id: BTreeMap::new() })));
        for (title, author, price_cents) in [
            ("The Keeper's Almanac", "M. Haldane", 1850),
            ("Knots and Their Uses", "R. Okafor", 1290),
            ("Tides for Beginners", "L. Brandt", 990),
            ("A Chart of Small Islands", "S. Ferreira", 2400),
        ] {
            shelf.with(|books| books.add(Book { title: title.into(), author: author.into(), price_cents }));
        }
        shelf
    }

    fn with<R>(&self, act: impl FnOnce(&mut Books) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Books {
    fn add(&mut self, book: Book) -> Option<Item> {
        if self.by_id.len() >= BOOKS_MAX {
            return None;
        }
        let item = Item { id: self.next_id, book };
        self.next_id += 1;
        self.by_id.insert(item.id, item.clone());
        Some(item)
    }
}

/// `GET /api/items`
pub(crate) async fn list(State(shelf): State<Shelf>) -> impl IntoResponse {
    let items: Vec<Item> = shelf.with(|books| books.by_id.values().cloned().collect());
    ([(header::CACHE_CONTROL, "no-cache")], Json(items))
}

/// `GET /api/items/{id}`
pub(crate) async fn one(State(shelf): State<Shelf>, Path(id): Path<u32>) -> impl IntoResponse {
    match shelf.with(|books| books.by_id.get(&id).cloned()) {
        Some(item) => ([(header::CACHE_CONTROL, "no-cache")], Json(item)).into_response(),
        None => missing(id).into_response(),
    }
}

/// `POST /api/items`
pub(crate) async fn add(State(shelf): State<Shelf>, Json(book): Json<Book>) -> impl IntoResponse {
    match shelf.with(|books| books.add(book)) {
        Some(item) => {
            let location = [(header::LOCATION, format!("/api/items/{}", item.id))];
            (StatusCode::CREATED, location, Json(item)).into_response()
        }
        None => {
            let full = json!({ "error": format!("the shelf holds at most {BOOKS_MAX} books") });
            (StatusCode::INSUFFICIENT_STORAGE, Json(full)).into_response()
        }
    }
}

/// `DELETE /api/items/{id}`
pub(crate) async fn remove(State(shelf): State<Shelf>, Path(id): Path<u32>) -> impl IntoResponse {
    match shelf.with(|books| books.by_id.remove(&id)) {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => missing(id).into_response(),
    }
}

fn missing(id: u32) -> impl IntoResponse {
    (StatusCode::NOT_FOUND, Json(json!({ "error": format!("there is no book {id}") })))
}
