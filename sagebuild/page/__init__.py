"""The page of builds: a web server on loopback that shows a stack in a browser, with the user's own credentials.

`server` assembles the application and runs it. `guard` refuses requests that are not from the page itself. `pages`
answers with whole pages, which come at once; `parts` fills their sections, which the browser reads again and again.
`source` finds the stack and its pipelines for both. `templates` and `static` hold the HTML, the style and the script.
Everything that the page shows or does goes through `sagebuild.client`.
"""
