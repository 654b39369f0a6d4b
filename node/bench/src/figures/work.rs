//! The requests that figures are made of, with the checks of their replies.

use std::sync::Mutex;

use crate::dynamo::{Requests, must_be_ok, must_be_put, must_be_updated, wrong};
use crate::error::Result;
use crate::http::Response;
use crate::item;
use crate::load::Work;

/// GetItem, strongly consistent, of items 0 to `keys` in turn.
pub struct Gets {
    /// How many items there are.
    pub keys: u64,
}

impl Work for Gets {
    fn request<'a>(&self, number: u64, requests: &'a mut Requests) -> &'a [u8] {
        requests.get_item(number % self.keys)
    }

    fn check(&self, number: u64, reply: &Response<'_>, scratch: &mut Vec<u8>) -> Result<()> {
        must_be_ok("GetItem", reply)?;
        if item::is_in(number % self.keys, 0, reply.body, scratch) {
            Ok(())
        } else {
            Err(wrong("GetItem", reply, "it should hold the item that was put"))
        }
    }
}

/// The same requests, to a server that always gives the same reply.
pub struct Echoes {
    /// How many keys the requests name.
    pub keys: u64,
    /// How long the reply's body is.
    pub body_bytes: usize,
}

impl Work for Echoes {
    fn request<'a>(&self, number: u64, requests: &'a mut Requests) -> &'a [u8] {
        requests.get_item(number % self.keys)
    }

    fn check(&self, _number: u64, reply: &Response<'_>, scratch: &mut Vec<u8>) -> Result<()> {
        must_be_ok("echo", reply)?;
        // As much work for the client as the check of a GetItem.
        if reply.body.len() == self.body_bytes && item::is_in(0, 0, reply.body, scratch) {
            Ok(())
        } else {
            Err(wrong("echo", reply, "it should be what was recorded"))
        }
    }
}

/// PutItem of a new item each time.
pub struct NewItems;

impl Work for NewItems {
    fn request<'a>(&self, number: u64, requests: &'a mut Requests) -> &'a [u8] {
        requests.put_item(number, 0)
    }

    fn check(&self, _number: u64, reply: &Response<'_>, _scratch: &mut Vec<u8>) -> Result<()> {
        must_be_put(reply)
    }
}

/// PutItem of new items, noting which were acknowledged.
#[derive(Default)]
pub struct Acknowledged(pub Mutex<Vec<u64>>);

impl Work for Acknowledged {
    fn request<'a>(&self, number: u64, requests: &'a mut Requests) -> &'a [u8] {
        requests.put_item(number, 0)
    }

    fn check(&self, number: u64, reply: &Response<'_>, _scratch: &mut Vec<u8>) -> Result<()> {
        must_be_put(reply)?;
        self.0.lock().expect("nobody panics with it").push(number);
        Ok(())
    }
}

/// UpdateItem that adds one to a number of item 0.
pub struct Additions;

impl Work for Additions {
    fn request<'a>(&self, _number: u64, requests: &'a mut Requests) -> &'a [u8] {
        requests.add_one(0)
    }

    fn check(&self, _number: u64, reply: &Response<'_>, _scratch: &mut Vec<u8>) -> Result<()> {
        must_be_updated(reply)
    }
}
