mod calendars;
mod expressions;
mod rules;
