//! The program itself, run as a person or a pipeline runs it.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod creators;
#[cfg(test)]
mod exceptions;
#[cfg(test)]
mod outputs;
#[cfg(test)]
mod program;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod soundness;
