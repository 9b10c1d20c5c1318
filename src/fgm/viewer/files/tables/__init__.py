"""Finds and reads process tables and labelled tables: merged hours, closed windows and the open one."""
