from mlapi_runtime.fetch.command import main

main()
