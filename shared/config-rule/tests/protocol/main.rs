//! The whole of AWS Config's protocol, through the crate's public API.

#[cfg(test)]
mod changes;
#[cfg(test)]
mod cleaning_up;
#[cfg(test)]
mod comparing;
#[cfg(test)]
mod delivering;
#[cfg(test)]
mod events;
#[cfg(test)]
mod example;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod organizations;
#[cfg(test)]
#[path = "../../examples/owner-tag.rs"]
#[expect(dead_code, reason = "its `main` is AWS Lambda's to call")]
mod owner_tag;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod wire;
