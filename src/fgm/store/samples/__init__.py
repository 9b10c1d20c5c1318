"""The shapes that recorded samples have in memory: ticks, chunks, and the series and header they belong to."""
