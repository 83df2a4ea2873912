mod oracle;
mod reading;
mod worlds;
