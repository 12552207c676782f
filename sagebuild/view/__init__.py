"""What people look at, as values and HTML: for notebooks, the page of builds, and the AWS console.

`overview` lists builds and finds the live model. `steps` reads which steps a build has taken and may still take, which
`routes` derives from the state machine, and `flow` draws them. `html` has tables and badges. `widget` puts a table of
builds into the stack's CloudWatch dashboard.
"""
