"""Files to graphs: GEDCOM, edge lists, GraphML, GML and GTFS."""
