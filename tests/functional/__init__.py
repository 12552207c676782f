"""The domain on moto: one stack's table, topic, buckets and state machine, without deploying it."""
