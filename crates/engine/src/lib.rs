//! The frame every engine is set into: Service, Handle, Cx, Door, Clock, Ids, Agenda.
